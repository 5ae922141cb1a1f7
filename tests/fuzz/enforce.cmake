nanoseg_fuzz(nft nanoseg_common)
nanoseg_fuzz(drift nanoseg_enforce)
