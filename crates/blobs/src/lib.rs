//! The seam to bytes named by their content.
