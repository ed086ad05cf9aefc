/// A 4-ary heap of keys.
///
/// Safety: `keys[0..<count]` are initialised, and `capacity` is at least `count`; the owner makes
/// room with `grow` before it pushes. The pointer never leaves the type.
public struct EventHeap: ~Copyable {
  public private(set) var keys: UnsafeMutablePointer<EventKey>
  public private(set) var count = 0

  init(capacity: Int) { keys = .allocate(capacity: capacity) }

  deinit { keys.deallocate() }

  mutating func grow(to capacity: Int) {
    let larger = UnsafeMutablePointer<EventKey>.allocate(capacity: capacity)
    larger.moveInitialize(from: keys, count: count)
    keys.deallocate()
    keys = larger
  }

  /// The first key; the heap must not be empty.
  @inline(__always)
  var first: EventKey { keys[0] }

  mutating func push(_ key: EventKey) {
    // A local copy of the pointer, because the compiler must assume that stores through it may
    // change `self`.
    let keys = self.keys
    let position = count
    count += 1
    EventHeap.raise(key, from: position, in: keys)
  }

  /// Puts a key where it belongs on the way from an empty position to the top.
  @inline(__always)
  private static func raise(
    _ key: EventKey, from empty: Int, in keys: UnsafeMutablePointer<EventKey>
  ) {
    var position = empty
    while position > 0 {
      let parent = (position - 1) >> 2
      guard key < keys[parent] else { break }
      keys[position] = keys[parent]
      position = parent
    }
    keys[position] = key
  }

  /// Removes the first key; the heap must not be empty.
  mutating func pop() -> EventKey {
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
    EventHeap.raise(last, from: position, in: keys)
    return first
  }
}
