//! What is to be reconciled next: new objects before the backlog, no object twice at a time, back-off without end.
