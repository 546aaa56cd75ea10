//! What is to be done, computed without doing it.
