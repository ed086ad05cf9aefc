extension Array {
  /// Removes all elements and keeps the storage. Of a few elements one after the other, because
  /// `removeAll` is made for many and takes as long as removing three.
  @inline(__always)
  public mutating func empty() {
    if count > 3 {
      removeAll(keepingCapacity: true)
    } else {
      while !isEmpty { removeLast() }
    }
  }
}
