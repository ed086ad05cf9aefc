import Histories
import Linearizability

/// A history with scans, as the checker takes it.
struct ScannedHistory: CustomStringConvertible {
  var operations: [Operation] = []
  var scans = ScannedValues()

  var description: String {
    operations.map { operation in
      let name = "key \(operation.key) " + Counterexample.text(operation)
      guard operation.kind == .scan, operation.outcome == .ok else { return name }
      return "client \(operation.client) \(operation.invoked)..\(operation.returned) "
        + scans.versions(of: operation).map { "\($0.key)=\($0.value.hash)" }
        .joined(separator: ",")
    }.joined(separator: "\n")
  }

  mutating func add(_ operation: Operation) { operations.append(operation) }

  /// Adds a scan that saw values of keys; 0 is no value.
  mutating func scan(_ seen: [(key: UInt32, value: Int)], _ from: Int64, _ to: Int64?) {
    var scan = Operation(
      client: UInt32(100 + operations.count), kind: .scan, key: seen[0].key,
      outcome: to == nil ? .unknown : .ok, invoked: from, returned: to ?? 1_000)
    scans.add(seen.map { ScannedValues.Version(key: $0.key, value: value($0.value)) }, to: &scan)
    operations.append(scan)
  }

  mutating func put(_ key: UInt32, _ n: Int, _ from: Int64, _ to: Int64?) {
    operations.append(
      Operation(
        client: UInt32(200 + operations.count), kind: .put, key: key, argument: value(n),
        outcome: to == nil ? .unknown : .ok, invoked: from, returned: to ?? 1_000))
  }

  mutating func sort() { operations = inOrder(operations) }

  func verdict(_ consistency: Consistency = .linearizable) -> Verdict {
    ConsistencyCheck(consistency).verdict(of: inOrder(operations), scans: scans)
  }

  /// The answered operation as a list of the values that it saw.
  func seen(by operation: Operation) -> [ScannedValues.Version] {
    operation.kind == .scan ? scans.versions(of: operation) : []
  }
}

extension Counterexample {
  /// The operations as a history, with the parts of each scan put together.
  var history: ScannedHistory {
    var history = ScannedHistory()
    var position = 0
    while position < operations.count {
      var operation = operations[position]
      position += 1
      guard operation.kind == .scan else {
        history.add(operation)
        continue
      }
      var seen = [ScannedValues.Version(key: operation.key, value: operation.observed)]
      while position < operations.count, operations[position].kind == .scan,
        operations[position].client == operation.client,
        operations[position].invoked == operation.invoked
      {
        let part = operations[position]
        seen.append(ScannedValues.Version(key: part.key, value: part.observed))
        position += 1
      }
      history.scans.add(seen, to: &operation)
      history.add(operation)
    }
    return history
  }
}

/// Tries every order of operations on several keys, exactly as in the definition.
func bruteForce(_ history: ScannedHistory) -> Bool {
  let operations = history.operations.filter {
    $0.outcome != .failed && !($0.outcome == .unknown && $0.kind.isRead)
  }
  let seen = operations.map { history.seen(by: $0) }
  let ends = operations.map { $0.outcome == .ok ? $0.returned : Int64.max }
  /// Sets of operations and states that were tried, by the operations done and each key's value.
  struct Tried: Hashable {
    var left: UInt64
    var state: [UInt32: ValueDigest]
  }
  var tried: Set<Tried> = []
  func explain(_ left: UInt64, _ state: [UInt32: ValueDigest]) -> Bool {
    let open = operations.indices.filter { left >> UInt64($0) & 1 == 1 }
    if open.allSatisfy({ ends[$0] == .max }) { return true }
    guard tried.insert(Tried(left: left, state: state)).inserted else { return false }
    for i in open where !open.contains(where: { ends[$0] < operations[i].invoked }) {
      var next = state
      if operations[i].kind == .scan {
        guard seen[i].allSatisfy({ state[$0.key] ?? .absent == $0.value }) else { continue }
      } else {
        let key = operations[i].key
        let action = KeyValueModel.Action(operations[i])
        guard let value = KeyValueModel().apply(action, to: state[key] ?? .absent) else { continue }
        next[key] = value
      }
      if explain(left & ~(1 << UInt64(i)), next) { return true }
    }
    return false
  }
  return explain((1 << UInt64(operations.count)) - 1, [:])
}

/// The parameters of a random history with scans.
struct ScanIngredients {
  var operations = 7
  var clients = 4
  var keys = 2
  var span = 16
  var swaps = false
  var gets = true
  var opens = true
  /// In this many of a hundred cases an answer is not that of a correct store.
  var mistakes = 0
  /// Whether a scan is put together from reads at different moments.
  var tears = false
}

/// Operations with random intervals that take effect at an instant of it, and answers of which some
/// may be wrong.
func scannedHistory(_ dice: inout Dice, _ what: ScanIngredients) -> ScannedHistory {
  struct Plan {
    var at: Int64
    var operation: Operation
    var seen: [ScannedValues.Version] = []
    /// By key of a torn scan: when it reads it.
    var moments: [Int64] = []
  }
  var clock = [Int64](repeating: 0, count: what.clients)
  var plans: [Plan] = []
  for n in 1...what.operations {
    let client = (0..<what.clients).min { clock[$0] < clock[$1] }!
    let from = clock[client] + Int64(dice.roll(4))
    let at = from + Int64(dice.roll(what.span / 2))
    let to = at + Int64(dice.roll(what.span / 2))
    clock[client] = to + Int64(dice.roll(2))
    var operation = Operation(
      client: UInt32(client), kind: .put, key: UInt32(dice.roll(what.keys)), outcome: .ok,
      invoked: from, returned: to)
    var plan = Plan(at: at, operation: operation)
    switch dice.roll(10) {
    case 0..<4:
      operation.kind = .scan
      let last = min(Int(operation.key) + 1 + dice.roll(what.keys), what.keys)
      plan.seen = (Int(operation.key)..<last).map {
        ScannedValues.Version(key: UInt32($0), value: .absent)
      }
      plan.moments = plan.seen.map { _ in from + Int64(dice.roll(Int(to - from) + 1)) }
    case 4 where what.gets: operation.kind = .get
    case 5,
      6 where what.swaps:
      operation.kind = .compareAndSwap
    default: break
    }
    if !operation.kind.isRead { operation.argument = ValueDigest([UInt8(n & 255), UInt8(n >> 8)]) }
    if what.opens, dice.roll(8) == 0 { operation.outcome = .unknown }
    plan.operation = operation
    plans.append(plan)
  }
  let order = plans.indices.sorted { (plans[$0].at, $0) < (plans[$1].at, $1) }
  var values: [UInt32: [(since: Int64, value: ValueDigest)]] = [:]
  func value(of key: UInt32, at time: Int64 = .max) -> ValueDigest {
    values[key]?.last { $0.since <= time }?.value ?? .absent
  }
  /// Any value that the key had until now.
  func anyValue(of key: UInt32, _ dice: inout Dice) -> ValueDigest {
    let all = [.absent] + (values[key] ?? []).map(\.value)
    return all[dice.roll(all.count)]
  }
  for i in order {
    let key = plans[i].operation.key
    let isWrong = dice.roll(100) < what.mistakes
    switch plans[i].operation.kind {
    case .get:
      plans[i].operation.observed = isWrong ? anyValue(of: key, &dice) : value(of: key)
    case .scan:
      for place in plans[i].seen.indices {
        let key = plans[i].seen[place].key
        plans[i].seen[place].value =
          what.tears ? value(of: key, at: plans[i].moments[place]) : value(of: key)
      }
      if isWrong {
        let place = dice.roll(plans[i].seen.count)
        plans[i].seen[place].value = anyValue(of: plans[i].seen[place].key, &dice)
      }
    case .compareAndSwap:
      let isRefused = dice.roll(3) == 0
      let found = isWrong ? anyValue(of: key, &dice) : value(of: key)
      plans[i].operation.swapped = !isRefused && plans[i].operation.outcome == .ok
      plans[i].operation.expected = isRefused ? ValueDigest([9, 9, 9]) : found
      if isRefused { plans[i].operation.observed = found }
      if isRefused { continue }
    case .put, .delete, .append: break
    }
    if plans[i].operation.kind.isRead { continue }
    if plans[i].operation.outcome == .unknown, dice.roll(2) == 0 { continue }
    values[key, default: []].append((plans[i].at, plans[i].operation.argument))
  }
  var history = ScannedHistory()
  for var plan in plans.sorted(by: {
    ($0.operation.invoked, $0.operation.client) < ($1.operation.invoked, $1.operation.client)
  }) {
    if plan.operation.kind == .scan {
      if plan.operation.outcome == .ok {
        history.scans.add(plan.seen, to: &plan.operation)
      } else {
        plan.operation.askForScan(ofKeys: plan.seen.count)
      }
    }
    history.add(plan.operation)
  }
  return history
}
