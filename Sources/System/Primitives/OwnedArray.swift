/// An array that has one owner and never shrinks.
///
/// Copies of an `Array` share their storage, so that each write first checks whether there is
/// another owner. This type cannot be copied, and a write checks only the position.
///
/// Safety: `base[0..<count]` are initialised, and `capacity` elements are allocated, from the
/// initialiser to `deinit`. Each access checks its position, and the pointer never leaves the type.
public struct OwnedArray<Element>: ~Copyable {
  public var base: UnsafeMutablePointer<Element>
  public var count: Int
  public var capacity: Int

  public init(_ elements: some Collection<Element>) {
    count = elements.count
    capacity = max(count, 1)
    base = .allocate(capacity: capacity)
    for (position, element) in elements.enumerated() {
      (base + position).initialize(to: element)
    }
  }

  public init() { self.init(EmptyCollection()) }

  deinit {
    base.deinitialize(count: count)
    base.deallocate()
  }

  public var indices: Range<Int> { 0..<count }

  /// Copies of all elements.
  public var elements: [Element] { indices.map { self[$0] } }

  public mutating func append(_ element: consuming Element) {
    if rarely(count == capacity) { grow() }
    (base + count).initialize(to: element)
    count += 1
  }

  public mutating func grow() {
    capacity *= 2
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
    larger.moveInitialize(from: base, count: count)
    base.deallocate()
    base = larger
  }

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
