"""Texts as numbers, against scikit-learn's TF-IDF and SVD; the corners; that what is saved is data."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from preprocess_case import fitted_on, one_column
from safetensors.numpy import load as read_safetensors
from safetensors.numpy import save as write_safetensors
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from components.data.preprocessing import text
from components.data.preprocessing.pipeline import load
from components.data.preprocessing.spec import BaggingPreprocess, NetworkPreprocess, TreePreprocess
from components.data.preprocessing.text import TextModel, word_counts

WORDS = ["soup", "bread", "tea", "good", "bad", "cold", "lovely", "Awful", "the", "and", "of", "24", "x", "ümlaut"]


def sentences(num, seed=0):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(1, 9))) + "!" for _ in range(num)]


def test_weights_agree_with_scikit_learn():
    texts = sentences(200)
    table = one_column("text", texts)
    counts, fit, new = word_counts(table, "x"), np.arange(150), np.arange(150, 200)
    model = TextModel.fit(counts, fit, 5, 0)
    referee = TfidfVectorizer(sublinear_tf=True, min_df=2).fit(texts[:150])
    assert model.terms == tuple(referee.get_feature_names_out())
    np.testing.assert_allclose(model.weights_T, referee.idf_, rtol=1e-12)
    np.testing.assert_allclose(
        model.weighted(counts, new).toarray(), referee.transform(texts[150:]).toarray(), atol=1e-12
    )
    svd = TruncatedSVD(5, algorithm="arpack", random_state=0).fit(referee.transform(texts[:150]))
    wanted = svd.transform(referee.transform(texts[150:]))
    found = model.transform(counts, new)
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=1e-4)  # a direction has two ends


any_text = st.one_of(
    st.none(), st.text(max_size=30), st.sampled_from(["", " ", "a b c", "good soup", "Good SOUP soup"])
)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(any_text, min_size=1, max_size=30), size=st.integers(1, 6), num_fit=st.integers(0, 30))
def test_any_texts_become_so_many_finite_numbers(texts, size, num_fit):
    table = one_column("text", texts)
    fitted, fit = fitted_on(TreePreprocess(text=size), table, range(min(num_fit, len(texts))))
    features = fitted.transform(table, np.arange(len(texts)))
    assert features.names_F == fit.names_F == tuple(f"x: direction {number + 1}" for number in range(size))
    assert np.isfinite(features.numeric_NF).all()
    arrays, state = fitted.state()
    again = load(read_safetensors(write_safetensors(dict(arrays))), json.loads(json.dumps(state)))
    assert again.transform(table, np.arange(len(texts))).numeric_NF.tobytes() == features.numeric_NF.tobytes()


def test_a_missing_text_is_an_empty_one_with_a_flag():
    table = one_column("text", ["good soup", "bad soup", "good tea", None, "", "words nobody knows"])
    features = fitted_on(NetworkPreprocess(text=3, scale="none"), table, range(6))[1]
    assert features.names_F[-1] == "x is missing"
    assert features.numeric_NF[:, -1].tolist() == [0, 0, 0, 1, 1, 0]
    assert not features.numeric_NF[3:, :3].any()
    assert features.numeric_NF[:3, :3].any(axis=1).all()


def test_texts_that_mean_the_same_lie_together():
    good, bad = ["good lovely soup", "lovely good bread"], ["cold awful soup", "awful cold bread"]
    table = one_column("text", [*good * 10, *bad * 10, "lovely", "awful"])
    features = fitted_on(BaggingPreprocess(text=2), table, range(40))[0].transform(table, np.arange(42)).numeric_NF
    apart = np.linalg.norm(features[:, None, :2] - features[None, :, :2], axis=2)
    assert apart[40, :20].max() < apart[40, 20:40].min()
    assert apart[41, 20:40].max() < apart[41, :20].min()


def test_the_most_frequent_terms_are_kept(monkeypatch):
    monkeypatch.setattr(text, "MOST_TERMS", 3)
    monkeypatch.setattr(text, "MOST_FITTED", 7)
    table = one_column("text", ["aa bb cc dd ee", "aa bb cc dd", "aa bb cc", "aa bb", "zz"] * 5)
    model = TextModel.fit(word_counts(table, "x"), np.arange(25), 2, 0)
    assert model.terms == ("aa", "bb", "cc")
    assert model.directions_TD.any(axis=0).all()


def test_words_are_counted_once_per_table():
    table = one_column("text", sentences(20))
    assert word_counts(table, "x") is word_counts(table, "x")
