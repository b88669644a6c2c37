"""The texts that the claims come from, as a reader can find them."""

from ..claim import Source

QI = Source(
    "Qi Xiangyu (2019), Generative adversarial networks: theory (in Chinese), blog article of "
    "2019-06-14",
    short="Qi (2019)",
)
BOXES = Source(
    "Notes (in Chinese) on the Wasserstein distance and WGAN with the moving-boxes example, after "
    "Hui (2018)",
    short="Notes on the boxes",
)
READING = Source(
    "Annotated reading (English and Chinese) of arXiv:1701.07875v3",
    short="Annotated reading of arXiv:1701.07875",
)
ZHENG = Source(
    "Zheng Zhijie (2022), notes of 2022-02-13 on arXiv:2103.01678",
    short="Zheng (2022)",
)
ZHANG = Source(
    "Zhang Huiling (2025), A theoretical study of improving the training stability of GAN based on "
    "Wasserstein distance as optimization objective, doi:10.12677/aam.2025.145286",
    short="Zhang (2025)",
)
HERRMANN = Source(
    "Herrmann (2017), Wasserstein GAN and the Kantorovich-Rubinstein duality, blog article and "
    "notebook",
    short="Herrmann (2017)",
)
GOODFELLOW = Source(
    "Goodfellow et al. (2014), Generative adversarial nets, arXiv:1406.2661",
    short="Goodfellow et al. (2014)",
)
PRINCIPLED = Source(
    "Arjovsky & Bottou (2017), Towards principled methods for training generative adversarial "
    "networks, arXiv:1701.04862",
    short="Arjovsky & Bottou (2017)",
)
WGAN = Source(
    "Arjovsky, Chintala & Bottou (2017), Wasserstein GAN, arXiv:1701.07875",
    short="Arjovsky, Chintala & Bottou (2017)",
)
WGAN_GP = Source(
    "Gulrajani et al. (2017), Improved training of Wasserstein GANs, arXiv:1704.00028",
    short="Gulrajani et al. (2017)",
)
WGAN_LP = Source(
    "Petzka, Fischer & Lukovnikov (2018), On the regularization of Wasserstein GANs, "
    "arXiv:1709.08894",
    short="Petzka, Fischer & Lukovnikov (2018)",
)
BANACH = Source(
    "Adler & Lunz (2018), Banach Wasserstein GAN, arXiv:1806.06621",
    short="Adler & Lunz (2018)",
)
STANCZUK = Source(
    "Stanczuk et al. (2021), Wasserstein GANs work because they fail (to approximate the "
    "Wasserstein distance), arXiv:2103.01678",
    short="Stanczuk et al. (2021)",
)
BELLEMARE = Source(
    "Bellemare et al. (2017), The Cramer distance as a solution to biased Wasserstein gradients, "
    "arXiv:1705.10743",
    short="Bellemare et al. (2017)",
)
VILLANI = Source(
    "Villani (2009), Optimal transport: old and new, doi:10.1007/978-3-540-71050-9",
    short="Villani (2009)",
)
ENDRES = Source(
    "Endres & Schindelin (2003), A new metric for probability distributions, "
    "doi:10.1109/TIT.2003.813506",
    short="Endres & Schindelin (2003)",
)
LIN = Source(
    "Lin (1991), Divergence measures based on the Shannon entropy, doi:10.1109/18.61115",
    short="Lin (1991)",
)
COVER = Source(
    "Cover & Thomas (2006), Elements of information theory, doi:10.1002/047174882X",
    short="Cover & Thomas (2006)",
)
TSYBAKOV = Source(
    "Tsybakov (2009), Introduction to nonparametric estimation, doi:10.1007/b13794",
    short="Tsybakov (2009)",
)
FOURNIER = Source(
    "Fournier & Guillin (2015), On the rate of convergence in Wasserstein distance of the "
    "empirical measure, doi:10.1007/s00440-014-0583-7",
    short="Fournier & Guillin (2015)",
)
GIBBS = Source(
    "Gibbs & Su (2002), On choosing and bounding probability metrics, "
    "doi:10.1111/j.1751-5823.2002.tb00178.x",
    short="Gibbs & Su (2002)",
)
PHIPSON = Source(
    "Phipson & Smyth (2010), Permutation p-values should never be zero, doi:10.2202/1544-6115.1585",
    short="Phipson & Smyth (2010)",
)
SOMMERFELD = Source(
    "Sommerfeld & Munk (2018), Inference for empirical Wasserstein distances on finite spaces, "
    "arXiv:1610.03287",
    short="Sommerfeld & Munk (2018)",
)
CIRCLE = Source(
    "Rabin, Delon & Gousseau (2011), Transportation distances on the circle, arXiv:0906.5499",
    short="Rabin, Delon & Gousseau (2011)",
)
MEMOLI = Source(
    "Mémoli (2011), Gromov-Wasserstein distances and the metric approach to object matching, "
    "doi:10.1007/s10208-011-9093-5",
    short="Mémoli (2011)",
)
STABILITY = Source(
    "Cohen-Steiner, Edelsbrunner & Harer (2007), Stability of persistence diagrams, "
    "doi:10.1007/s00454-006-1276-5",
    short="Cohen-Steiner et al. (2007)",
)
DIVOL = Source(
    "Divol & Lacombe (2021), Understanding the topology and the geometry of the space of "
    "persistence diagrams via optimal partial transport, arXiv:1901.03048",
    short="Divol & Lacombe (2021)",
)
DELON = Source(
    "Delon & Desolneux (2020), A Wasserstein-type distance in the space of Gaussian mixture "
    "models, arXiv:1907.05254",
    short="Delon & Desolneux (2020)",
)
GELBRICH = Source(
    "Gelbrich (1990), On a formula for the L2 Wasserstein metric between measures on Euclidean and "
    "Hilbert spaces, doi:10.1002/mana.19901470121",
    short="Gelbrich (1990)",
)
BURES = Source(
    "Dowson & Landau (1982), The Frechet distance between multivariate normal distributions, "
    "doi:10.1016/0047-259X(82)90077-X",
    short="Dowson & Landau (1982)",
)
FIGALLI = Source(
    "Figalli (2010), The optimal partial transport problem, doi:10.1007/s00205-008-0212-7",
    short="Figalli (2010)",
)
HANIN = Source(
    "Hanin (1992), Kantorovich-Rubinstein norm and its application in the theory of Lipschitz "
    "spaces, doi:10.1090/S0002-9939-1992-1097344-5",
    short="Hanin (1992)",
)
PICCOLI = Source(
    "Piccoli & Rossi (2014), Generalized Wasserstein distance and its application to transport "
    "equations with source, doi:10.1007/s00205-013-0669-x",
    short="Piccoli & Rossi (2014)",
)
AGUEH = Source(
    "Agueh & Carlier (2011), Barycenters in the Wasserstein space, doi:10.1137/100805741",
    short="Agueh & Carlier (2011)",
)
DERIVED = Source(
    "No paper: derived for this catalogue",
    short="Derived here",
)
LIERO = Source(
    "Liero, Mielke & Savaré (2018), Optimal entropy-transport problems and a new "
    "Hellinger-Kantorovich distance between positive measures, arXiv:1508.07941",
    short="Liero, Mielke & Savaré (2018)",
)
SEJOURNE = Source(
    "Séjourné, Feydy, Vialard, Trouvé & Peyré (2019), Sinkhorn divergences for unbalanced optimal "
    "transport, arXiv:1910.12958",
    short="Séjourné et al. (2019)",
)
