"""Finding what a corpus holds twice: exact and near-duplicates, repeated paragraphs, evaluation data.

Each stage of the search is a part: a function from named files to named files that the command `dedup` calls for all
of a corpus, and an engine on many machines calls for each shard. In order:

    overlap_part      text, evaluation grams     -> which documents overlap an evaluation set (--against)
    signature_part    text                       -> lengths, 128-bit hashes and band keys
    exact_part        all signatures, overlaps   -> which documents are alive: no overlap, the first of equal ones
    band_part         all signatures, alive      -> candidate pairs of one partition (--near)
    cluster_part      all of these, texts        -> which documents are kept, one file a text
    filter_part       text, what is kept         -> text
    paragraph parts   text                       -> text without repeated paragraphs (--unit paragraphs)

A document's number counts the documents of all texts in the order the texts are given.
"""
