"""fairseq_hebrew: pretrain, fine-tune and judge Hebrew encoders with fairseq.

Importing this package is light on purpose: neither torch nor fairseq is imported here, so a machine that only
prepares corpora needs neither. `fairseq-train --user-dir fairseq_hebrew` imports `tasks/` and `models/` itself.
"""

__version__ = "0.1.0"
