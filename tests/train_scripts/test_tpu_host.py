"""tpu_host.sh by itself: what a slice that is played does not come to."""

import subprocess

from .conftest import ROOT


def test_end_kills_what_does_not_listen(tmp_path):
    """With all that it has started."""
    (tmp_path / "clone").mkdir()
    deaf = 'trap "" TERM; (echo ready; while :; do sleep 0.1; done) & wait; while :; do sleep 0.1; done'
    program = f"""clone=clone; . {ROOT}/train_scripts/tpu_host.sh
        (start bash -c '{deaf}')
        until [ "$(log 1)" = ready ]; do sleep 0.1; done
        read -r pid _ <clone/run/pid
        group=$(ps -o pgid= -p $pid | tr -d ' ')
        (status) && (end 0) && (status)
        for _ in $(seq 50); do pgrep -r S,R -g $group >/dev/null || break; sleep 0.1; done # they end one by one
        pgrep -r S,R -g $group || echo nobody
        kill -KILL -- -$group 2>/dev/null || true
    """
    done = subprocess.run(["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("running\ngone\nnobody\n", "")
