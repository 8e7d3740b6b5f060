"""DeepFashion2's own layout: a folder of pictures and a folder of annotations a split."""
