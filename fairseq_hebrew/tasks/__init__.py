"""fairseq tasks. fairseq's --user-dir imports each module of this folder and of models/ by itself.

The other folders that register something are named here.
"""

import fairseq_hebrew.criterions
import fairseq_hebrew.optim  # noqa: F401
from fairseq_hebrew.tasks.data_workers import end_with_the_command
from fairseq_hebrew.tasks.gloo_threads import rest_before_the_end
from fairseq_hebrew.tasks.mirror import wait_at_the_end
from fairseq_hebrew.xla.start import stand_by

stand_by()
wait_at_the_end()
end_with_the_command()
rest_before_the_end()
