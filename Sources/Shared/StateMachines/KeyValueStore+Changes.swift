import Primitives

/// The changes of the table. Each one is announced to the walk of a snapshot first, and counted in
/// the bytes that the store takes.
extension KeyValueStore {
  public mutating func set(_ key: Key, to value: [UInt8]) {
    if let position = values.position(of: key) { return change(position, to: value) }
    if isReadOut { readout.willAdd(to: values) }
    contentByteCount += key.allocatedByteCount + Self.memory(of: value)
    values.set(key, to: value)
  }

  mutating func change(_ position: Int, to value: [UInt8]) {
    willChange(position)
    contentByteCount += Self.memory(of: value) - Self.memory(of: values.values[position])
    values.values[position] = value
  }

  mutating func remove(_ key: Key) {
    guard let position = values.position(of: key) else { return }
    if isReadOut { readout.willRemove(position, from: values) }
    contentByteCount -= values.keys[position].allocatedByteCount
    contentByteCount -= Self.memory(of: values.values[position])
    values.remove(key)
  }

  mutating func removeAll() {
    if isReadOut { readout.willClear(values) }
    contentByteCount = 0
    values.removeAll()
  }

  /// Called before a value is changed in place.
  @inline(__always)
  mutating func willChange(_ position: Int) {
    if rarely(isReadOut) { willChangeReadOut(position) }
  }

  /// Apart, because most changes happen without a walk, and do not need this code in the
  /// processor's caches.
  @inline(never)
  private mutating func willChangeReadOut(_ position: Int) {
    readout.willChange(position, in: values)
  }

  // MARK: Memory

  /// Counted and not asked of the allocator, whose answer takes a second if there are millions of
  /// gaps between small values.
  public var allocatedByteCount: Int { contentByteCount + values.allocatedByteCount }

  /// The bytes of a value's allocation, its header included; an empty one has none. Without the
  /// room for growth, which the value loses whenever it is copied.
  static func memory(of value: [UInt8]) -> Int {
    value.isEmpty ? 0 : value.count + 40
  }
}
