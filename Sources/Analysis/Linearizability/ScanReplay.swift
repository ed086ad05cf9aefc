import Histories

/// Carries out an order of a history's operations on a model of the store, by the definition of
/// linearizability and without use of the clusters by which the order was found.
struct ScanReplay {
  private let history: [Operation]
  private let scans: ScannedValues
  private let initial: [ValueDigest]
  private var slots: [UInt32: Int] = [:]
  private var values: [ValueDigest] = []
  private var slotOfVersion: [Int] = []

  init(_ history: [Operation], _ scans: ScannedValues, _ initial: [ValueDigest]) {
    self.history = history
    self.scans = scans
    self.initial = initial
    slotOfVersion = scans.versions.map { slot(of: $0.key) }
  }

  private mutating func slot(of key: UInt32) -> Int {
    if let slot = slots[key] { return slot }
    let slot = values.count
    slots[key] = slot
    values.append(key < initial.count ? initial[Int(key)] : .absent)
    return slot
  }

  /// Whether the order contains every answered operation once, explains every answer, and has no
  /// operation behind one that was called after its return.
  /// - Parameter order: positions in the history. Operations without an answer may be missing.
  mutating func explains(_ order: [Int]) -> Bool {
    var isDone = [Bool](repeating: false, count: history.count)
    var latestCall = Int64.min
    for position in order {
      let operation = history[position]
      guard !isDone[position], operation.outcome != .failed else { return false }
      isDone[position] = true
      if operation.outcome == .ok, operation.returned < latestCall { return false }
      latestCall = max(latestCall, operation.invoked)
      guard carryOut(operation) else { return false }
    }
    return history.indices.allSatisfy { isDone[$0] || history[$0].outcome != .ok }
  }

  /// - Returns: whether the operation's answer is right.
  private mutating func carryOut(_ operation: Operation) -> Bool {
    if operation.kind == .scan {
      return operation.outcome != .ok
        || operation.scanned.allSatisfy { place in
          let number = Int(scans[place])
          return values[slotOfVersion[number]] == scans.versions[number].value
        }
    }
    let slot = slot(of: operation.key)
    let action = KeyValueModel.Action(operation)
    guard let next = KeyValueModel().apply(action, to: values[slot]) else { return false }
    values[slot] = next
    return true
  }
}
