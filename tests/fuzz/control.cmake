# Requests to the API, with the real store and an engine that only remembers what it was asked.
nanoseg_fuzz(http_body nanoseg_control PkgConfig::cmocka)
target_sources(fuzz_http_body PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit/test_api_engine.c)
target_include_directories(fuzz_http_body PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit)
