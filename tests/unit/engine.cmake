# Pure parts of the engine.
nanoseg_unit(own nanoseg_engine)
nanoseg_unit(leases nanoseg_engine)
