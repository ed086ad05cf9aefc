/// A priority queue of events by time; events of equal times leave it in the order of insertion.
///
/// A 4-ary heap of 16-byte keys over a slab of payloads, so that sifting moves keys only. Both are
/// allocated manually, because moving a payload out of an array costs a copy, and a pointer's
/// `move` does not.
///
/// Safety: all access goes through the methods below. `keys[0..<count]` and the slots that keys
/// name are initialised, each slot by exactly one key; `push` initialises a free slot, `pop` moves
/// the payload out, and `deinit` destroys the remaining payloads. The pointers never leave the
/// type.
public struct EventQueue<Payload: ~Copyable>: ~Copyable {
  /// The time in the upper 64 bits, so that it decides first; then a sequence number of 40 bits,
  /// and the payload's slot in the lower 24. One number, because comparing two fields takes a
  /// branch or three comparisons.
  public struct Key {
    public var word: UInt128

    /// The sign bit is flipped, so that negative times come before positive ones.
    private static var signBit: UInt64 { 1 << 63 }

    @inline(__always)
    public init(timeNs: Int64, order: UInt64) {
      word = UInt128(UInt64(bitPattern: timeNs) ^ Key.signBit) << 64 | UInt128(order)
    }

    @inline(__always)
    public var timeNs: Int64 {
      Int64(bitPattern: UInt64(truncatingIfNeeded: word >> 64) ^ Key.signBit)
    }

    @inline(__always)
    public var slot: Int { Int(truncatingIfNeeded: word & UInt128(slotMask)) }

    @inline(__always)
    public static func < (a: Key, b: Key) -> Bool { a.word < b.word }

    /// 1 if the key comes before the other one, otherwise 0. The result is computed without a
    /// branch, because which of two children is smaller is random, so that a processor would
    /// mispredict half of such branches.
    @inline(__always)
    public func precedes(_ other: Key) -> Int { word < other.word ? 1 : 0 }
  }

  public static var slotBits: UInt64 { 24 }
  public static var slotMask: UInt64 { (1 << slotBits) - 1 }

  public var keys: UnsafeMutablePointer<Key>
  public var slab: UnsafeMutablePointer<Payload>
  public var freeSlots: UnsafeMutablePointer<UInt32>
  public var capacity: Int
  public var count = 0
  public var nextNumber: UInt64 = 0

  public init() {
    capacity = 256
    keys = .allocate(capacity: capacity)
    slab = .allocate(capacity: capacity)
    freeSlots = .allocate(capacity: capacity)
    for slot in 0..<capacity { freeSlots[slot] = UInt32(slot) }
  }

  deinit {
    for position in 0..<count {
      (slab + keys[position].slot).deinitialize(count: 1)
    }
    keys.deallocate()
    slab.deallocate()
    freeSlots.deallocate()
  }

  public var isEmpty: Bool { count == 0 }

  /// The time of the next event; the queue must not be empty.
  public var nextTimeNs: Int64 {
    precondition(count > 0)
    return keys[0].timeNs
  }

  /// Passes the next event to `body` without removing it; the queue must not be empty.
  package func withNext<Result>(_ body: (borrowing Payload) -> Result) -> Result {
    precondition(count > 0)
    return body((slab + keys[0].slot).pointee)
  }

  /// The slot that the next payload will have. A full queue grows first, which appends slots.
  public var nextSlot: Int { count == capacity ? capacity : Int(freeSlots[count]) }

  /// The slot of the next event; the queue must not be empty.
  public var firstSlot: Int {
    precondition(count > 0)
    return keys[0].slot
  }

  public mutating func push(_ payload: consuming Payload, atNs timeNs: Int64) {
    if count == capacity { grow() }
    // The free slots are `freeSlots[count...]`.
    let slot = freeSlots[count]
    (slab + Int(slot)).initialize(to: payload)
    let key = Key(timeNs: timeNs, order: nextNumber << Self.slotBits | UInt64(slot))
    nextNumber += 1
    // A local copy of the pointer, because the compiler must assume that stores through it may
    // change `self`.
    let keys = self.keys
    var position = count
    count += 1
    while position > 0 {
      let parent = (position - 1) >> 2
      guard key < keys[parent] else { break }
      keys[position] = keys[parent]
      position = parent
    }
    keys[position] = key
  }

  /// Removes the next event, which is due at `nextTimeNs`; the queue must not be empty.
  public mutating func pop() -> Payload {
    precondition(count > 0)
    let keys = self.keys
    let first = keys[0]
    let count = self.count - 1
    self.count = count
    let last = keys[count]
    var position = 0
    // The hole sinks to a leaf along the smallest children, and then `last` rises from there.
    // `last` came from the bottom and mostly belongs there, so comparing it on the way down would
    // be wasted.
    var child = 1
    while child + 3 < count {
      let low = child &+ keys[child &+ 1].precedes(keys[child])
      let high = child &+ 2 &+ keys[child &+ 3].precedes(keys[child &+ 2])
      let smallest = keys[high] < keys[low] ? high : low
      keys[position] = keys[smallest]
      position = smallest
      child = position &<< 2 &+ 1
    }
    // Only the last parent may have fewer than four children, and these are leaves.
    if child < count {
      var smallest = child
      var least = keys[child]
      var other = child + 1
      while other < count {
        let candidate = keys[other]
        if candidate < least {
          smallest = other
          least = candidate
        }
        other += 1
      }
      keys[position] = least
      position = smallest
    }
    while position > 0 {
      let parent = (position - 1) >> 2
      guard last < keys[parent] else { break }
      keys[position] = keys[parent]
      position = parent
    }
    keys[position] = last
    let slot = first.slot
    freeSlots[count] = UInt32(slot)
    return (slab + slot).move()
  }

  public mutating func grow() {
    let larger = capacity * 2
    precondition(larger <= 1 << Self.slotBits, "more than 16 million events at once")
    let newKeys = UnsafeMutablePointer<Key>.allocate(capacity: larger)
    newKeys.moveInitialize(from: keys, count: count)
    let newSlab = UnsafeMutablePointer<Payload>.allocate(capacity: larger)
    // The queue is full, so every slot is in use.
    newSlab.moveInitialize(from: slab, count: capacity)
    let newFree = UnsafeMutablePointer<UInt32>.allocate(capacity: larger)
    for slot in 0..<larger { newFree[slot] = UInt32(slot) }
    keys.deallocate()
    slab.deallocate()
    freeSlots.deallocate()
    keys = newKeys
    slab = newSlab
    freeSlots = newFree
    capacity = larger
  }
}
