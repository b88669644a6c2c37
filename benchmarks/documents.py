"""Documents of a topic model: Zipf words with vectors, for searches by transport distance."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

# As of English texts: the r-th word of a topic has frequency r ** -_ZIPF.
_ZIPF = 1.07
# Weight of a word in topics that are not its own, and of the Dirichlet law of mixtures; by taste.
_STRAY, _MIXING = 0.02, 0.1


def topic_model(
    *,
    rng: int,
    size: int = 2000,
    n_words: int = 4000,
    n_topics: int = 20,
    d: int = 50,
    spread: float = 0.0,
) -> tuple[np.ndarray, csr_array]:
    """Vectors of words (V, d), and counts (N, V) of documents of 20 to 200 words.

    With `spread` 0 vectors are independent, which is hard for a search: all distances are nearly
    the same. Otherwise those of a topic lie around a centre of its own.
    """
    random = np.random.default_rng(rng)
    topic = random.integers(n_topics, size=n_words)
    centres = spread * random.normal(size=(n_topics, d))
    words = centres[topic] + random.normal(size=(n_words, d))
    frequency = np.empty(n_words)
    frequency[random.permutation(n_words)] = np.arange(1.0, n_words + 1.0) ** -_ZIPF
    laws = frequency * np.where(topic == np.arange(n_topics)[:, None], 1.0, _STRAY)
    laws /= laws.sum(axis=1, keepdims=True)
    rows = []
    for _ in range(size):
        length = random.integers(20, 201)
        law = random.dirichlet(np.full(n_topics, _MIXING)) @ laws
        rows.append(np.unique(random.choice(n_words, size=length, p=law), return_counts=True))
    places = np.concatenate([places for places, _ in rows])
    counts = np.concatenate([counts for _, counts in rows]).astype(float)
    ends = np.concatenate([[0], np.cumsum([places.size for places, _ in rows])])
    return words, csr_array((counts, places, ends), shape=(size, n_words))
