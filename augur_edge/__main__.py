"""`python -m augur_edge` is `augur-edge`."""

import sys

from augur_edge.cli import main

sys.exit(main())
