"""`python -m paifang_rig.week`: see `command`."""

import sys

from paifang_rig.week.command import main

sys.exit(main())
