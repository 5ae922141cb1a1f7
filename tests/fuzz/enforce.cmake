nanoseg_fuzz(nft nanoseg_common)
