"""FashionAI's contest (Tianchi, 2018): a csv file as its annotations are, a row for each picture of the test set.

Each of the 24 columns behind `image_id,image_category` is `x_y_v`: whole pixels and v = 1 for the landmarks of the
picture's category, `-1_-1_-1` for all others. So HiKapok/tf.fashionAI writes it (eval_all_cpn_onepass.py) and reads it
(run_local_mertric.py takes no decimals). The contest's own description could not be found.
"""

from hemline.submission.fashionai.checking import check
from hemline.submission.fashionai.writing import check_name, package

__all__ = ["check", "check_name", "package"]
