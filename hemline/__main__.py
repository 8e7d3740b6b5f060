"""`python -m hemline VERB ...`: the command line."""

import sys

from hemline.commands import main

sys.exit(main())
