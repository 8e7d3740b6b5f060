"""DeepFashion2's released sizes: one place for numbers that several packages need.

The released training set is half of the one that the data set's paper (CVPR 2019) counts.
"""

# DeepFashion2's README; paper 001, Table 1.
IMAGES = {"train": 191_961, "validation": 32_153, "test": 62_629}

# Garments by category id, from 1: paper 000, Table 3. Their sums are 312,186 and 52,490.
GARMENTS = {
    "train": (
        71_645,
        36_064,
        543,
        13_457,
        16_095,
        1_985,
        36_616,
        55_387,
        30_835,
        17_211,
        7_907,
        17_949,
        6_492,
    ),
    "validation": (12_556, 5_966, 142, 2_011, 2_113, 322, 4_167, 9_586, 6_522, 3_127, 1_477, 3_352, 1_149),
}
