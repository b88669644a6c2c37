"""The documents nearest to one, by the cost of moving its words: a twentieth of the solves.

Word mover's distance: Kusner et al. (2015), *From word embeddings to document distances*. Documents
are drawn from a topic model with Zipf words; their vectors lie around centres of the topics. Bounds
that are proven say of most documents that they are farther than the nearest ten.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import csr_array
from showing import Example

from otdiv import nearest_neighbors, transport_batch

example = Example(__doc__)
n_documents, n_words, n_topics, d, k = (300 if example.quick else 2000), 2000, 12, 50, 10
rng = np.random.default_rng(0)
topic = rng.integers(n_topics, size=n_words)
words = rng.normal(size=(n_topics, d))[topic] + rng.normal(size=(n_words, d))
zipf = rng.permutation(1.0 / np.arange(1.0, n_words + 1.0))
laws = zipf * np.where(topic == np.arange(n_topics)[:, None], 1.0, 0.02)
laws /= laws.sum(axis=1, keepdims=True)
subject = rng.integers(n_topics, size=n_documents)
counts = np.zeros((n_documents, n_words))
for row, s in zip(counts, subject, strict=True):
    law = 0.7 * laws[s] + 0.3 * rng.dirichlet(np.full(n_topics, 0.3)) @ laws
    np.add.at(row, rng.choice(n_words, rng.integers(20, 201), p=law), 1.0)

queries = rng.choice(n_documents, 5, replace=False)
nearest_neighbors(counts[0], counts, k=k, support=words)  # compiles
solves, agree, same_subject, quick, brute = [], [], [], 0.0, 0.0
clouds = [words[row > 0.0] for row in counts]
weights = [row[row > 0.0] for row in counts]
for q in queries:
    start = time.process_time()
    found = nearest_neighbors(counts[q], csr_array(counts), k=k, support=words)
    middle = time.process_time()
    values = transport_batch(
        [clouds[q]] * n_documents,
        clouds,
        x_weights=[weights[q]] * n_documents,
        y_weights=weights,
    ).values
    quick, brute = quick + middle - start, brute + time.process_time() - middle
    solves.append(found.n_exact)
    agree.append(np.array_equal(found.indices, np.argsort(values, kind="stable")[:k]))
    same_subject.append(np.mean(subject[found.indices] == subject[q]))

example.holds("same answer as all solves", f"{sum(agree)} of {len(agree)}", "all", all(agree))
most = max(solves)
example.holds("solves, most", f"{most} of {n_documents}", "a fifth", most <= n_documents / 5)
example.shows("CPU seconds of a query", f"{quick / 5:.3f}, all solves {brute / 5:.3f}")
share = float(np.mean(same_subject))
example.holds("neighbours of the same subject", f"{share:.2f}", "more than by chance", share > 0.3)

order = np.argsort(values, kind="stable")
figure, ax = plt.subplots(figsize=(7, 4.2), layout="compressed")
ax.plot(values[order], color="#0072B2", linewidth=1.0)
ax.axhline(found.distances[-1], color="#D55E00", linewidth=1.0)
ax.axvspan(0, found.n_exact, color="gray", alpha=0.3, linewidth=0)
ax.set(xlabel="documents, nearest first", ylabel="W1 of the words")
ax.set_title(f"{found.n_exact} of {n_documents} distances tell the {k} nearest (grey)")
example.finish(figure, "13_nearest_documents")
