"""fairseq architectures. fairseq's --user-dir imports each module of this folder by itself."""
