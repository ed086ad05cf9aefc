extension Array {
  /// Removes all elements and keeps the storage. Up to three elements are removed one by one,
  /// because a call of `removeAll` takes as long as removing three.
  @inline(__always)
  public mutating func empty() {
    if count > 3 {
      removeAll(keepingCapacity: true)
    } else {
      while !isEmpty { removeLast() }
    }
  }

  /// Appends all elements of another array and empties it. If this array is empty, the two change
  /// places, and nothing is copied.
  @inline(__always)
  public mutating func takeElements(of other: inout Array) {
    guard !isEmpty else { return swap(&self, &other) }
    append(contentsOf: other)
    other.empty()
  }
}
