"""A text as a few numbers: TF-IDF of its words, turned to the directions in which the fold's texts differ most.

Words are runs of two or more letters and digits in lower case. A word counts 1 + log of how often the text has it,
times log((1 + rows) / (1 + rows with the word)) + 1; the row is then divided by its length (scikit-learn's
`TfidfVectorizer` with `sublinear_tf`). Of the words in at least two rows the 2000 most frequent are kept. A truncated
singular value decomposition (latent semantic analysis, Deerwester et al. 1990) makes `size` numbers of them, so that
how many columns there are does not depend on the words. A missing text is an empty one: all of its numbers are 0.

Tokens are counted once per table and kept with it; all else is arithmetic with sparse matrices. What is fitted is data:
the words, their weights, and the directions.

Legend: n rows, W words of a table, T terms that are kept, D numbers that come out.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.table import Table

WORD = re.compile(r"\w\w+")
MOST_TERMS = 2000
FEWEST_ROWS = 2  # that have a term
MOST_FITTED = 20_000  # texts behind the directions: evenly spaced ones of more


@dataclass(frozen=True, kw_only=True)
class WordCounts:
    """How often each text of a table has each word."""

    words: tuple[str, ...]
    counts_NW: Any  # scipy.sparse.csr_array


@dataclass(frozen=True, kw_only=True)
class TextModel:
    """What turns texts into numbers."""

    terms: tuple[str, ...]
    weights_T: NDArray[np.float64]  # inverse document frequencies
    directions_TD: NDArray[np.float32]

    @classmethod
    def fit(cls, counts: WordCounts, rows_n: NDArray[np.int64], size: int, seed: int) -> "TextModel":
        """Choose terms and directions from these rows; directions that they have not are zero."""
        counts_nW = counts.counts_NW[rows_n]
        rows_W = np.bincount(counts_nW.indices, minlength=len(counts.words))
        enough = sorted(np.flatnonzero(rows_W >= FEWEST_ROWS).tolist(), key=lambda w: (-rows_W[w], counts.words[w]))
        chosen = sorted(enough[:MOST_TERMS], key=lambda word: counts.words[word])
        terms = tuple(counts.words[word] for word in chosen)
        weights_T = np.log((1 + len(rows_n)) / (1 + rows_W[chosen])) + 1 if chosen else np.zeros(0)
        every = 1 + (len(rows_n) - 1) // MOST_FITTED if len(rows_n) else 1
        model = cls(terms=terms, weights_T=weights_T, directions_TD=np.zeros((len(terms), size), dtype=np.float32))
        directions_TD = _directions(model.weighted(counts, rows_n[::every]), size, seed)
        return cls(terms=terms, weights_T=weights_T, directions_TD=directions_TD)

    def weighted(self, counts: WordCounts, rows_n: NDArray[np.int64]) -> Any:
        """Return the TF-IDF of these rows, sparse [n, T], each row of length 1 (or 0)."""
        from scipy.sparse import csr_array

        term_of = {term: number for number, term in enumerate(self.terms)}
        becomes_W = np.array([term_of.get(word, -1) for word in counts.words], dtype=np.int64)
        counts_nW = counts.counts_NW[rows_n]
        term = becomes_W[counts_nW.indices] if len(becomes_W) else counts_nW.indices
        known = term >= 0
        row = np.repeat(np.arange(len(rows_n)), np.diff(counts_nW.indptr))[known]
        values = (1 + np.log(counts_nW.data[known])) * self.weights_T[term[known]]
        length_n = np.sqrt(np.bincount(row, weights=values**2, minlength=len(rows_n)))
        ends = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(rows_n)))])
        return csr_array((values / length_n[row], term[known], ends), shape=(len(rows_n), len(self.terms)))

    def transform(self, counts: WordCounts, rows_n: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return [n, D]."""
        return np.asarray(self.weighted(counts, rows_n) @ self.directions_TD.astype(np.float64))


def word_counts(table: Table, name: str) -> WordCounts:
    """Count the words of a text column; once, then they stay with the table."""
    found: WordCounts = table.kept(("words", name), lambda: _count(table.column(name)))
    return found


def _count(texts_N: NDArray[Any]) -> WordCounts:
    import pandas as pd
    from scipy.sparse import csr_array

    tokens = [WORD.findall(text.lower()) if text else [] for text in texts_N]
    ends = np.concatenate([[0], np.cumsum([len(one) for one in tokens], dtype=np.int64)])
    flat = np.array([word for one in tokens for word in one], dtype=object)
    codes, words = pd.factorize(flat)
    counts_NW = csr_array((np.ones(len(codes)), codes, ends), shape=(len(tokens), len(words)))
    counts_NW.sum_duplicates()
    return WordCounts(words=tuple(str(word) for word in words), counts_NW=counts_NW)


def _directions(weighted_nT: Any, size: int, seed: int) -> NDArray[np.float32]:
    """Return the `size` directions in which the rows reach furthest, largest first [T, D]."""
    num_rows, num_terms = weighted_nT.shape
    found = np.zeros((num_terms, size), dtype=np.float32)
    count = min(size, num_rows, num_terms)
    if count and weighted_nT.nnz:
        from sklearn.utils.extmath import randomized_svd

        with _threads().limit(limits=1):  # a product split among threads ends in other bits
            _, _, across = randomized_svd(weighted_nT, count, n_iter=5, random_state=seed % 2**32)
        found[:, :count] = across.T
    return found


@cache
def _threads() -> Any:
    """Find the libraries that multiply with several threads; looking for them takes ten milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
