/// An array whose length never changes and which has one owner.
///
/// Copies of an `Array` share their storage, so that each write first checks whether there is
/// another owner. This type cannot be copied, and a write checks only the position.
///
/// Safety: `base[0..<count]` are initialised from the initialiser to `deinit`. Each access checks
/// its position, and the pointer never leaves the type.
public struct FixedArray<Element>: ~Copyable {
  public let base: UnsafeMutablePointer<Element>
  public let count: Int

  public init(_ elements: some Collection<Element>) {
    count = elements.count
    base = .allocate(capacity: count)
    for (position, element) in elements.enumerated() {
      (base + position).initialize(to: element)
    }
  }

  deinit {
    base.deinitialize(count: count)
    base.deallocate()
  }

  public var indices: Range<Int> { 0..<count }

  /// Copies of all elements.
  public var elements: [Element] { indices.map { self[$0] } }

  public subscript(position: Int) -> Element {
    @inline(__always)
    _read {
      check(position)
      yield base[position]
    }
    @inline(__always)
    _modify {
      check(position)
      yield &base[position]
    }
  }

  @inline(__always)
  public func check(_ position: Int) {
    precondition(UInt(bitPattern: position) < UInt(bitPattern: count), "no such position")
  }
}
