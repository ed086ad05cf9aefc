extension Array {
  /// Removes all elements and keeps the storage. Up to three elements are removed one by one,
  /// because a call of `removeAll` takes as long as removing three.
  @inline(__always)
  public mutating func empty() {
    if rarely(count > 3) {
      removeAll(keepingCapacity: true)
    } else {
      while !isEmpty { removeLast() }
    }
  }

  /// Reverses the order. Elements are moved; `reverse` copies those of large types, with a
  /// reference count for each reference that they hold.
  ///
  /// Safety: each swap leaves both places initialised.
  @inline(__always)
  public mutating func turnAround() {
    withUnsafeMutableBufferPointer { elements in
      guard var low = elements.baseAddress else { return }
      var high = low + (elements.count - 1)
      while low < high {
        let element = low.move()
        low.moveInitialize(from: high, count: 1)
        high.initialize(to: element)
        low += 1
        high -= 1
      }
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
