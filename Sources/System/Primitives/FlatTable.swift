import CProcessor

/// A key whose hash consists of a few multiplications with two secret words.
public protocol FlatKey: Equatable, Sendable {
  /// Well mixed in all bits; `FlatTable` uses the upper ones.
  func flatHash(_ secret: FlatHashSecret) -> UInt64
}

/// A hash table for the innermost loops. `Dictionary` hashes with SipHash, which costs 20 ns or
/// more; this table takes a third of that, and its order is that of insertion, which is the same in
/// every run. Multiplications with secret words are not cryptographically secure, but a client that
/// chooses keys cannot predict their slots.
///
/// Keys and values are stored densely in the order of insertion (a removal moves the last entry
/// into the gap). `slots` maps hashes to positions by linear probing and is never more than half
/// full. A slot also contains half of the key's hash, so that probing skips most other keys without
/// reading them.
public struct FlatTable<Key: FlatKey, Value: Sendable>: Sendable {
  public var keys: [Key] = []
  public var values: [Value] = []
  /// The position in `keys` plus 1 in the lower 32 bits, and the lower half of the key's hash above
  /// it; 0 for an empty slot.
  public var slots: [UInt64]
  public var shift: UInt64
  /// It decides the slots of keys, but not the order of the table.
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

  /// The position of the key in `keys`, and of its value in `values`.
  public func position(of key: Key) -> Int? {
    let hash = key.flatHash(secret)
    var slot = Int(hash >> shift)
    while slots[slot] != 0 {
      if let position = match(hash, slots[slot]), keys[position] == key { return position }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// The position in a slot, if the slot's half hash matches this hash.
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

  // A lookup follows a chain of addresses (slot, then entry), each of which may have to be fetched
  // from memory. A caller that knows many keys in advance can prefetch all their slots, and then
  // all their entries, in parallel.

  /// Prefetches the slot of a key with this hash.
  public func fetchSlot(_ hash: UInt64) {
    slots.withUnsafeBufferPointer { processor_prefetch($0.baseAddress! + Int(hash >> shift)) }
  }

  /// Prefetches the key and value of the entry with this hash.
  /// - Returns: their position; nil if the table does not have the key. In rare cases it is another
  ///   key's position.
  public func fetchEntry(_ hash: UInt64) -> Int? {
    var slot = Int(hash >> shift)
    while slots[slot] != 0 {
      if let position = match(hash, slots[slot]) {
        keys.withUnsafeBufferPointer {
          let key = UnsafeRawPointer($0.baseAddress! + position)
          processor_prefetch(key)
          // The key may cross the end of a cache line.
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

  /// Empties a slot and moves up the later slots that probing would otherwise no longer find.
  public mutating func vacate(_ emptied: Int) {
    let mask = slots.count - 1
    var gap = emptied
    var slot = (gap + 1) & mask
    while slots[slot] != 0 {
      let home = Int(keys[FlatTable.position(in: slots[slot])].flatHash(secret) >> shift)
      // The entry may move if its home slot is not cyclically in (gap, slot].
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

  /// Assigns a slot to each key; all slots must be empty.
  public mutating func place() {
    for position in keys.indices {
      let hash = keys[position].flatHash(secret)
      slots[freeSlot(for: hash)] = FlatTable.word(hash, position)
    }
  }
}

extension FlatTable {
  /// Changes the secret, which reassigns the slots of all keys.
  public mutating func rekey(_ secret: FlatHashSecret) {
    guard secret != self.secret else { return }
    self.secret = secret
    for slot in slots.indices { slots[slot] = 0 }
    place()
  }

  public mutating func removeAll() { self = FlatTable(secret: secret) }

  /// The bytes of the table itself, without what keys and values refer to.
  public var allocatedByteCount: Int {
    keys.capacity * MemoryLayout<Key>.stride + values.capacity * MemoryLayout<Value>.stride
      + slots.capacity * MemoryLayout<UInt64>.stride
  }

  /// The largest number of slots that a lookup of one of the keys examines.
  var longestProbe: Int {
    var longest = 0
    for position in keys.indices {
      let home = Int(keys[position].flatHash(secret) >> shift)
      longest = max(longest, (slotHolding(position) - home) & (slots.count - 1) + 1)
    }
    return longest
  }
}
