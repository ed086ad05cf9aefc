extension ValueDigest {
  /// Stands in `Operation.observed` of an acknowledged compare-and-swap that did not swap, when the
  /// answer did not say what it found: all that is known is that it was not the expected value.
  public static let unobserved = ValueDigest(hash: 0, length: -2)
}
