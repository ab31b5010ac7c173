//! What the documents say of the tree is true.

mod named_tests;
