"""What training on XLA devices (--tpu) needs: nothing else in the plugin knows torch_xla, and it is imported inside
functions alone, so that everything else works where it is not installed.
"""
