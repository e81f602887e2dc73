//! Tables of sentences, samples of every template, and properties.
