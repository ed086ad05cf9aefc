import CProcessor

/// A key whose hash is a few multiplications with two secret words.
public protocol FlatKey: Equatable, Sendable {
  /// Well mixed in all bits; `FlatTable` uses the upper ones.
  func flatHash(_ secret: FlatHashSecret) -> UInt64
}

/// A hash table for the innermost loops. `Dictionary` hashes with SipHash, which costs 20 ns and
/// more; this one takes a third of that, and its order is the order of insertion, the same in every
/// run. Multiplications with secret words are no cryptography, but they keep those who choose keys
/// from choosing where they fall.
///
/// Keys and values lie densely in the order of insertion (a removal moves the last one into the
/// gap); `slots` maps hashes to positions by linear probing, never more than half full. A slot also
/// has half of the key's hash, so that other keys on the way are passed by without a look at them.
public struct FlatTable<Key: FlatKey, Value: Sendable>: Sendable {
  public var keys: [Key] = []
  public var values: [Value] = []
  /// One more than the position in `keys`, and above it the lower half of the key's hash; or 0.
  public var slots: [UInt64]
  public var shift: UInt64
  /// Where keys fall depends on it, their order does not.
  public private(set) var secret: FlatHashSecret

  public init(secret: FlatHashSecret = .known) {
    slots = Array(repeating: 0, count: 16)
    shift = 60
    self.secret = secret
  }

  public var count: Int { keys.count }

  public subscript(key: Key) -> Value? {
    guard let position = position(of: key) else { return nil }
    return values[position]
  }

  /// Where in `values` the key's value lies.
  public func position(of key: Key) -> Int? {
    let hash = key.flatHash(secret)
    var slot = Int(hash >> shift)
    while slots[slot] != 0 {
      if let position = match(hash, slots[slot]), keys[position] == key { return position }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// The position in a slot, if it may be that of a key with this hash.
  @inline(__always)
  public func match(_ hash: UInt64, _ word: UInt64) -> Int? {
    UInt32(truncatingIfNeeded: word >> 32) == UInt32(truncatingIfNeeded: hash)
      ? FlatTable.position(in: word) : nil
  }

  @inline(__always)
  public static func position(in word: UInt64) -> Int { Int(UInt32(truncatingIfNeeded: word)) - 1 }

  public static func word(_ hash: UInt64, _ position: Int) -> UInt64 {
    hash << 32 | UInt64(position + 1)
  }

  // Looking a key up follows a chain of addresses, each of which may have to come from memory. Whoever knows
  // many keys in advance has the links of all their chains fetched side by side: slots, then entries.

  /// Begins to fetch the slot of a key with this hash.
  public func fetchSlot(_ hash: UInt64) {
    slots.withUnsafeBufferPointer { processor_prefetch($0.baseAddress! + Int(hash >> shift)) }
  }

  /// Begins to fetch key and value behind the slot of a key with this hash.
  /// - Returns: their position, unless the table does not have the key. In rare cases it is another one's.
  public func fetchEntry(_ hash: UInt64) -> Int? {
    var slot = Int(hash >> shift)
    while slots[slot] != 0 {
      if let position = match(hash, slots[slot]) {
        keys.withUnsafeBufferPointer {
          let key = UnsafeRawPointer($0.baseAddress! + position)
          processor_prefetch(key)
          // It may lie across the end of a cache line.
          if MemoryLayout<Key>.size > 16 { processor_prefetch(key + (MemoryLayout<Key>.size - 1)) }
        }
        values.withUnsafeBufferPointer { processor_prefetch($0.baseAddress! + position) }
        return position
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  public mutating func set(_ key: Key, to value: Value) {
    if let position = position(of: key) {
      values[position] = value
      return
    }
    if (keys.count + 1) * 2 > slots.count { grow() }
    let hash = key.flatHash(secret)
    slots[freeSlot(for: hash)] = FlatTable.word(hash, keys.count)
    keys.append(key)
    values.append(value)
  }

  public mutating func remove(_ key: Key) {
    guard let position = position(of: key) else { return }
    vacate(slotHolding(position))
    let last = keys.count - 1
    if position != last {
      slots[slotHolding(last)] = FlatTable.word(keys[last].flatHash(secret), position)
      keys[position] = keys[last]
      values[position] = values[last]
    }
    keys.removeLast()
    values.removeLast()
  }

  public func slotHolding(_ position: Int) -> Int {
    var slot = Int(keys[position].flatHash(secret) >> shift)
    while FlatTable.position(in: slots[slot]) != position { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  public func freeSlot(for hash: UInt64) -> Int {
    var slot = Int(hash >> shift)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  /// Empties a slot and moves those behind it up that would not be found any more.
  public mutating func vacate(_ emptied: Int) {
    let mask = slots.count - 1
    var gap = emptied
    var slot = (gap + 1) & mask
    while slots[slot] != 0 {
      let home = Int(keys[FlatTable.position(in: slots[slot])].flatHash(secret) >> shift)
      // It may move if its home does not lie cyclically in (gap, slot].
      if (slot - home) & mask >= (slot - gap) & mask {
        slots[gap] = slots[slot]
        gap = slot
      }
      slot = (slot + 1) & mask
    }
    slots[gap] = 0
  }

  public mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    shift -= 1
    place()
  }

  /// Finds a slot for each key; all are empty.
  public mutating func place() {
    for position in keys.indices {
      let hash = keys[position].flatHash(secret)
      slots[freeSlot(for: hash)] = FlatTable.word(hash, position)
    }
  }
}

extension FlatTable {
  /// Has all keys fall elsewhere.
  public mutating func rekey(_ secret: FlatHashSecret) {
    guard secret != self.secret else { return }
    self.secret = secret
    for slot in slots.indices { slots[slot] = 0 }
    place()
  }

  public mutating func removeAll() { self = FlatTable(secret: secret) }

  /// The most slots that are looked at for one of the keys.
  public var longestProbe: Int {
    var longest = 0
    for position in keys.indices {
      let home = Int(keys[position].flatHash(secret) >> shift)
      longest = max(longest, (slotHolding(position) - home) & (slots.count - 1) + 1)
    }
    return longest
  }
}
