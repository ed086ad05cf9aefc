/// A priority queue of events by time; events of equal times leave it in the order of insertion.
///
/// `EventOrder` sorts 16-byte keys, and the payloads stay in a slab, so that sorting moves keys
/// only. The slab is allocated manually, because moving a payload out of an array costs a copy, and
/// a pointer's `move` does not.
///
/// Safety: all access goes through the methods below. The slots that keys name are initialised,
/// each slot by exactly one key; `push` initialises a free slot, `pop` moves the payload out, and
/// `deinit` destroys the remaining payloads. The pointers never leave the type.
public struct EventQueue<Payload: ~Copyable>: ~Copyable {
  public var order: EventOrder
  public var slab: UnsafeMutablePointer<Payload>
  public var freeSlots: UnsafeMutablePointer<UInt32>
  public var capacity: Int
  public var nextNumber: UInt64 = 0

  public init() {
    capacity = 256
    order = EventOrder(capacity: capacity)
    slab = .allocate(capacity: capacity)
    freeSlots = .allocate(capacity: capacity)
    for slot in 0..<capacity { freeSlots[slot] = UInt32(slot) }
  }

  deinit {
    let slab = slab
    order.forEach { (slab + $0.slot).deinitialize(count: 1) }
    slab.deallocate()
    freeSlots.deallocate()
  }

  public var count: Int { order.count }
  public var isEmpty: Bool { count == 0 }

  /// The time of the next event; the queue must not be empty.
  public var nextTimeNs: Int64 {
    precondition(count > 0)
    return order.first.timeNs
  }

  /// Passes the next event to `body` without removing it; the queue must not be empty.
  package func withNext<Result>(_ body: (borrowing Payload) -> Result) -> Result {
    withPayload(in: firstSlot, body)
  }

  /// Passes the payload in a slot, which `push` has returned and `pop` has not emptied, to `body`.
  public func withPayload<Result>(in slot: Int, _ body: (borrowing Payload) -> Result) -> Result {
    body((slab + slot).pointee)
  }

  /// The slot of the next event; the queue must not be empty.
  public var firstSlot: Int {
    precondition(count > 0)
    return order.first.slot
  }

  /// Inserts an event. Inlined, so that the caller writes the payload where it stays.
  /// - Returns: the slot that holds it.
  @discardableResult @inline(__always)
  public mutating func push(_ payload: consuming Payload, atNs timeNs: Int64) -> Int {
    let slot = takeSlot(atNs: timeNs)
    (slab + slot).initialize(to: payload)
    return slot
  }

  /// Inserts the key of an event whose payload the caller writes into the returned slot.
  public mutating func takeSlot(atNs timeNs: Int64) -> Int {
    if rarely(count == capacity) { grow() }
    // The free slots are `freeSlots[count...]`.
    let slot = freeSlots[count]
    order.insert(EventKey(timeNs: timeNs, number: nextNumber, slot: slot))
    nextNumber += 1
    return Int(slot)
  }

  /// Removes the next event, which is due at `nextTimeNs`; the queue must not be empty.
  @inline(__always)
  public mutating func pop() -> Payload {
    let slot = order.removeFirst().slot
    freeSlots[count] = UInt32(slot)
    return (slab + slot).move()
  }

  public mutating func grow() {
    let larger = capacity * 2
    precondition(larger <= 1 << EventKey.slotBits, "more than 16 million events at once")
    order.grow(from: capacity, to: larger)
    let newSlab = UnsafeMutablePointer<Payload>.allocate(capacity: larger)
    // The queue is full, so every slot is in use.
    newSlab.moveInitialize(from: slab, count: capacity)
    let newFree = UnsafeMutablePointer<UInt32>.allocate(capacity: larger)
    for slot in 0..<larger { newFree[slot] = UInt32(slot) }
    slab.deallocate()
    freeSlots.deallocate()
    slab = newSlab
    freeSlots = newFree
    capacity = larger
  }
}
