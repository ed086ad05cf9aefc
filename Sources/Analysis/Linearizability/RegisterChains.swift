import Histories

/// The history of one register whose written values are all different, grouped by value.
///
/// A *cluster* is the write of a value and all reads of it; the initial value has an imaginary
/// write before all operations. A value never returns once it was replaced, so in any order of all
/// operations a cluster's write comes first, and no operation of another cluster lies between it
/// and the cluster's last read. A compare-and-swap from a to b reads a and writes b at one instant,
/// so b's cluster follows a's immediately. Such clusters form a *chain*: its inner order is forced,
/// and the whole chain is one contiguous block.
///
/// A write without an answer counts only if some operation observed its value; otherwise it can be
/// left out of any order. An observed compare-and-swap in turn observes the value it expected, and
/// so on back through the chain.
struct RegisterChains {
  struct Cluster {
    var hash: UInt64
    var length: Int32
    /// Position of the write among the key's operations; -1 for the initial value.
    var write: Int32
    /// The cluster from which this one's compare-and-swap took the value, and the cluster whose
    /// compare-and-swap took the value from this one.
    var predecessor: Int32 = -1
    var successor: Int32 = -1
    var isObserved = false
    var isSwap: Bool
    var writeInvoked: Int64
    var writeReturned: Int64
    var firstReadReturned = Int64.max
    var lastReadInvoked = Int64.min
  }

  enum Outcome {
    case ready
    /// The key has repeated values, deletes or appends, so another method must judge it.
    case unsuited
    case violated(Violation)
  }

  /// Why no order exists: positions among the key's operations.
  enum Violation {
    /// The operation observed a value that no operation wrote.
    case unwritten(Int)
    /// Both operations swapped from the same value.
    case swappedTwice(Int, Int)
    /// The operation is one of several swaps that form a cycle: each expects the value of another.
    case rootless(Int)
    /// The second must come after the first by its value, yet returned before the first was
    /// invoked.
    case backwards(Int, Int)
    /// Two blocks (by root cluster) that must each come before the other.
    case interleaved(Int32, Int32)
  }

  private(set) var clusters: [Cluster] = []
  /// A hash table by value with open addressing: cluster number + 1, 0 for an empty entry.
  private var table: [Int32] = []
  private var mask = 0

  /// One instance serves key after key, so that its memory is allocated once per check.
  init() {}

  /// - Parameter initial: the register's value before all operations.
  mutating func build(
    _ operations: UnsafeBufferPointer<KeyedOperation>, history: UnsafeBufferPointer<Operation>,
    initial: ValueDigest
  ) -> Outcome {
    guard insertWrites(operations, initial) else { return .unsuited }
    for i in clusters.indices.dropFirst() where clusters[i].writeReturned != .max {
      if let violation = observe(Int32(i), operations, history) { return .violated(violation) }
    }
    for i in operations.indices where operations[i].role == .read {
      let cluster = find(operations[i].hash, operations[i].length)
      guard cluster >= 0 else { return .violated(.unwritten(i)) }
      let c = Int(cluster)
      clusters[c].firstReadReturned = min(clusters[c].firstReadReturned, operations[i].returned)
      clusters[c].lastReadInvoked = max(clusters[c].lastReadInvoked, operations[i].invoked)
      if !clusters[c].isObserved, let violation = observe(cluster, operations, history) {
        return .violated(violation)
      }
    }
    return .ready
  }

  /// Returns false if the key has operations other than reads, puts and swaps, or repeated values.
  private mutating func insertWrites(
    _ operations: UnsafeBufferPointer<KeyedOperation>, _ initial: ValueDigest
  ) -> Bool {
    var writes = 1
    for operation in operations {
      if operation.role == .other { return false }
      if operation.role != .read { writes += 1 }
    }
    var capacity = 8
    while capacity < 2 * writes { capacity *= 2 }
    if table.count < capacity {
      table = [Int32](repeating: 0, count: capacity)
    } else {
      for i in 0..<capacity { table[i] = 0 }
    }
    mask = capacity - 1
    clusters.removeAll(keepingCapacity: true)
    clusters.reserveCapacity(writes)
    _ = insert(
      Cluster(
        hash: initial.hash, length: initial.length, write: -1, isObserved: true, isSwap: false,
        writeInvoked: .min, writeReturned: .min))
    for i in operations.indices where operations[i].role != .read {
      let operation = operations[i]
      let fresh = insert(
        Cluster(
          hash: operation.hash, length: operation.length, write: Int32(i),
          isSwap: operation.role == .swap, writeInvoked: operation.invoked,
          writeReturned: operation.returned))
      if !fresh { return false }
    }
    return true
  }

  private mutating func insert(_ cluster: Cluster) -> Bool {
    var slot = RegisterChains.scatter(cluster.hash, cluster.length) & mask
    while table[slot] != 0 {
      let other = Int(table[slot]) - 1
      if clusters[other].hash == cluster.hash, clusters[other].length == cluster.length {
        return false
      }
      slot = (slot + 1) & mask
    }
    clusters.append(cluster)
    table[slot] = Int32(clusters.count)
    return true
  }

  /// The cluster of a value; -1 if there is none.
  func find(_ hash: UInt64, _ length: Int32) -> Int32 {
    var slot = RegisterChains.scatter(hash, length) & mask
    while table[slot] != 0 {
      let cluster = table[slot] - 1
      if clusters[Int(cluster)].hash == hash, clusters[Int(cluster)].length == length {
        return cluster
      }
      slot = (slot + 1) & mask
    }
    return -1
  }

  private static func scatter(_ hash: UInt64, _ length: Int32) -> Int {
    let mixed = (hash ^ UInt64(truncatingIfNeeded: length)) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 32)
  }

  /// Marks that the write of a cluster took effect, and all clusters from which it took its value.
  private mutating func observe(
    _ cluster: Int32, _ operations: UnsafeBufferPointer<KeyedOperation>,
    _ history: UnsafeBufferPointer<Operation>
  ) -> Violation? {
    var c = cluster
    while !clusters[Int(c)].isObserved {
      clusters[Int(c)].isObserved = true
      guard clusters[Int(c)].isSwap else { return nil }
      let write = Int(clusters[Int(c)].write)
      let expected = history[Int(operations[write].index)].expected
      let source = find(expected.hash, expected.length)
      guard source >= 0 else { return .unwritten(write) }
      let rival = clusters[Int(source)].successor
      if rival >= 0 { return .swappedTwice(Int(clusters[Int(rival)].write), write) }
      clusters[Int(source)].successor = c
      clusters[Int(c)].predecessor = source
      c = source
    }
    return nil
  }
}
