extension ValueDigest {
  /// The value of `Operation.observed` for an acknowledged compare-and-swap that did not swap, if
  /// the answer did not report the value found. It is known only that it was not the expected
  /// value.
  public static let unobserved = ValueDigest(hash: 0, length: -2)
}
