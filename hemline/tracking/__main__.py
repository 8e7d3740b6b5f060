"""`python -m hemline.tracking FOLDER`: the follower."""

from hemline.tracking.follower import main

main()
