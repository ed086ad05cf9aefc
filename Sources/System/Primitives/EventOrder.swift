/// The keys of an event queue in order.
///
/// Three places hold the keys. A wheel of buckets holds those of the near future: each bucket
/// stands for a range of times, as long as all others, and its keys are in no order. A sorted list
/// holds the keys of the bucket that is being emptied. A heap holds the rest: keys beyond the
/// wheel's end, and those that would move too many others in the list. The first key is kept
/// apart, so that looking at it takes no time. Most keys only pass through a bucket that holds one
/// or two, which costs a third of a heap's push and pop.
///
/// The places only decide how fast a key is found. Which key is the first depends on keys alone, so
/// the buckets' width may follow the events. Every `tuningInterval` pops it is chosen again, so
/// that a bucket holds about one key. With very many waiting keys a bucket holds more, because the
/// wheel would be too short for them otherwise.
///
/// Safety: all access goes through the methods below. `near[0..<nearCount]` are initialised.
/// `links` and `keys` have an entry for each slot, which is initialised while the slot is in the
/// wheel; `heads` has an entry for each bucket. A key is in one place at a time, so `near` and the
/// heap have room for all if they have as much as there are slots. The pointers never leave the
/// type.
public struct EventOrder: ~Copyable {
  /// The first key, if `count` is not 0.
  public private(set) var first = EventKey(timeNs: 0, number: 0, slot: 0)
  public private(set) var count = 0

  /// Sorted, the last one is the first in order.
  private var near: UnsafeMutablePointer<EventKey>
  private var nearCount = 0
  private var heap: EventHeap

  /// For each bucket: the slot of one of its keys, or `Self.none`. Each slot links to the next one.
  private let heads: UnsafeMutablePointer<UInt32>
  /// For each bucket: whether it holds keys. 64 buckets are a word.
  private let marks: UnsafeMutablePointer<UInt64>
  private var links: UnsafeMutablePointer<UInt32>
  private var keys: UnsafeMutablePointer<EventKey>
  private var wheelCount = 0
  /// A bucket's width is two to this power, in nanoseconds.
  private var widthBits: Int64 = 10
  /// The number of the bucket that is being emptied: its times divided by the width. No key of an
  /// earlier bucket is in the wheel, and none of a bucket that is `bucketCount` or more later.
  private var current: Int64 = 0

  private var pops = 0
  private var tunedAtNs: Int64 = 0

  static var bucketCount: Int { 1024 }
  private static var none: UInt32 { .max }
  /// The most keys in the sorted list that a new one may move.
  private static var mostMoves: Int { 32 }
  static var tuningInterval: Int { 2048 }

  init(capacity: Int) {
    near = .allocate(capacity: capacity)
    heap = EventHeap(capacity: capacity)
    heads = .allocate(capacity: Self.bucketCount)
    heads.initialize(repeating: Self.none, count: Self.bucketCount)
    marks = .allocate(capacity: Self.bucketCount / 64)
    marks.initialize(repeating: 0, count: Self.bucketCount / 64)
    links = .allocate(capacity: capacity)
    keys = .allocate(capacity: capacity)
  }

  deinit {
    near.deallocate()
    heads.deallocate()
    marks.deallocate()
    links.deallocate()
    keys.deallocate()
  }

  /// Makes room for more slots.
  mutating func grow(from capacity: Int, to larger: Int) {
    func enlarged<Element>(
      _ old: UnsafeMutablePointer<Element>, _ count: Int
    ) -> UnsafeMutablePointer<Element> {
      let new = UnsafeMutablePointer<Element>.allocate(capacity: larger)
      new.moveInitialize(from: old, count: count)
      old.deallocate()
      return new
    }
    near = enlarged(near, nearCount)
    links = enlarged(links, capacity)
    keys = enlarged(keys, capacity)
    heap.grow(to: larger)
  }

  /// Passes all keys to `body`, in no order.
  func forEach(_ body: (EventKey) -> Void) {
    guard count > 0 else { return }
    body(first)
    for position in 0..<nearCount { body(near[position]) }
    for position in 0..<heap.count { body(heap.keys[position]) }
    for bucket in 0..<Self.bucketCount {
      var slot = heads[bucket]
      while slot != Self.none {
        body(keys[Int(slot)])
        slot = links[Int(slot)]
      }
    }
  }

  @inline(__always)
  public mutating func insert(_ key: EventKey) {
    count &+= 1
    guard usually(count > 1) else {
      first = key
      return
    }
    if rarely(key < first) {
      place(first)
      first = key
    } else {
      place(key)
    }
  }

  /// Removes the first key; there must be one.
  @inline(__always)
  public mutating func removeFirst() -> EventKey {
    precondition(count > 0)
    let removed = first
    count &-= 1
    pops &+= 1
    if rarely(pops == Self.tuningInterval) { tune(atNs: removed.timeNs) }
    if nearCount == 0 {
      if usually(wheelCount > 0) {
        emptyNextBucket()
      } else {
        // The wheel follows the time of the events, also if all of them are in the heap.
        current = max(current, removed.timeNs &>> widthBits)
      }
    }
    if nearCount > 0, heap.count == 0 || near[nearCount &- 1] < heap.first {
      nearCount &-= 1
      first = near[nearCount]
    } else if count > 0 {
      first = heap.pop()
    }
    return removed
  }

  @inline(__always)
  private mutating func place(_ key: EventKey) {
    let bucket = key.timeNs &>> widthBits
    // The difference may overflow if the times are far apart; then it is large in either case.
    let distance = UInt64(bitPattern: bucket &- current)
    if usually(distance &- 1 < UInt64(Self.bucketCount - 1)) {
      let position = Int(truncatingIfNeeded: bucket) & (Self.bucketCount - 1)
      let slot = key.slot
      keys[slot] = key
      links[slot] = heads[position]
      heads[position] = UInt32(truncatingIfNeeded: slot)
      marks[position &>> 6] |= 1 &<< UInt64(truncatingIfNeeded: position)
      wheelCount &+= 1
    } else if bucket > current || !placeNear(key) {
      heap.push(key)
    }
  }

  /// Puts a key into the sorted list.
  /// - Returns: false if it would move too many others.
  @inline(__always)
  private mutating func placeNear(_ key: EventKey) -> Bool {
    let near = self.near
    var position = nearCount
    if position > Self.mostMoves, near[position &- Self.mostMoves &- 1] < key { return false }
    while position > 0, near[position &- 1] < key {
      near[position] = near[position &- 1]
      position &-= 1
    }
    near[position] = key
    nearCount &+= 1
    return true
  }

  /// Moves the keys of the next bucket that holds some into the sorted list, which is empty. The
  /// wheel is not empty.
  private mutating func emptyNextBucket() {
    let start = Int(truncatingIfNeeded: current) & (Self.bucketCount - 1)
    var word = start &>> 6
    // The buckets up to `current` are empty, so they need not be masked when the search wraps.
    var bits = marks[word] & (.max &<< UInt64(truncatingIfNeeded: start))
    while bits == 0 {
      word = (word &+ 1) & (Self.bucketCount / 64 - 1)
      bits = marks[word]
    }
    let position = word &<< 6 | bits.trailingZeroBitCount
    marks[word] &= ~(bits & (0 &- bits))
    current &+= Int64((position &- start) & (Self.bucketCount - 1))
    let slot = Int(heads[position])
    heads[position] = Self.none
    near[0] = keys[slot]
    nearCount = 1
    wheelCount &-= 1
    if links[slot] != Self.none { gather(from: links[slot]) }
  }

  /// Adds the keys of these linked slots to the sorted list, which holds one key.
  private mutating func gather(from slot: UInt32) {
    let near = self.near
    var slot = slot
    var count = 1
    while slot != Self.none {
      let key = keys[Int(slot)]
      slot = links[Int(slot)]
      var place = count
      // A crowded bucket is sorted at the end.
      if count <= Self.mostMoves {
        while place > 0, near[place &- 1] < key {
          near[place] = near[place &- 1]
          place &-= 1
        }
      }
      near[place] = key
      count &+= 1
    }
    if count > Self.mostMoves {
      var crowd = UnsafeMutableBufferPointer(start: near, count: count)
      crowd.sort { $1 < $0 }
    }
    nearCount = count
    wheelCount &-= count &- 1
  }

  /// Chooses the buckets' width from the rate of the events since the last time.
  private mutating func tune(atNs now: Int64) {
    let gap = max((now &- tunedAtNs) / Int64(pops), 1)
    pops = 0
    tunedAtNs = now
    let crowding = Int64(max(count / (Self.bucketCount / 2), 1))
    let wanted = gap.multipliedReportingOverflow(by: crowding)
    let bits = wanted.overflow ? 62 : Int64(63 - wanted.partialValue.leadingZeroBitCount)
    // One power of two more or less makes no difference that would be worth moving all keys.
    guard abs(bits - widthBits) > 1 else { return }
    var moved = nearCount
    for position in 0..<Self.bucketCount {
      var slot = heads[position]
      heads[position] = Self.none
      while slot != Self.none {
        near[moved] = keys[Int(slot)]
        moved += 1
        slot = links[Int(slot)]
      }
    }
    marks.update(repeating: 0, count: Self.bucketCount / 64)
    wheelCount = 0
    nearCount = 0
    widthBits = bits
    current = now &>> bits
    // The list never becomes longer than the part of it that has been read.
    for position in 0..<moved { place(near[position]) }
  }
}
