import Histories
import Linearizability

/// A small seeded generator: SplitMix64.
struct Dice {
  var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func roll(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) >> 33) % bound
  }
}

/// The digest of a one-letter value; 0 is an absent value.
func value(_ n: Int) -> ValueDigest { n == 0 ? .absent : ValueDigest([UInt8(n)]) }

func put(_ n: Int, _ from: Int64, _ to: Int64?, client: UInt32 = 0) -> Operation {
  Operation(
    client: client, kind: .put, key: 7, argument: value(n), outcome: to == nil ? .unknown : .ok,
    invoked: from, returned: to ?? 1_000)
}

func get(_ n: Int, _ from: Int64, _ to: Int64?, client: UInt32 = 1) -> Operation {
  Operation(
    client: client, kind: .get, key: 7, observed: value(n), outcome: to == nil ? .unknown : .ok,
    invoked: from, returned: to ?? 1_000)
}

func swap(_ a: Int, _ b: Int, _ from: Int64, _ to: Int64?, client: UInt32 = 2) -> Operation {
  Operation(
    client: client, kind: .compareAndSwap, key: 7, argument: value(b), expected: value(a),
    swapped: to != nil, outcome: to == nil ? .unknown : .ok, invoked: from, returned: to ?? 1_000)
}

func refused(_ a: Int, found: Int?, _ from: Int64, _ to: Int64) -> Operation {
  Operation(
    client: 3, kind: .compareAndSwap, key: 7, argument: value(99), expected: value(a),
    observed: found.map(value) ?? .unobserved, swapped: false, outcome: .ok, invoked: from,
    returned: to)
}

func append(_ n: Int, _ from: Int64, _ to: Int64?, client: UInt32 = 0) -> Operation {
  Operation(
    client: client, kind: .append, key: 7, argument: value(n), outcome: to == nil ? .unknown : .ok,
    invoked: from, returned: to ?? 1_000)
}

func inOrder(_ operations: [Operation]) -> [Operation] {
  operations.sorted { ($0.invoked, $0.client) < ($1.invoked, $1.client) }
}

func isViolated(_ verdict: Verdict) -> Bool {
  if case .violated = verdict { true } else { false }
}

/// Tries every order, exactly as in the definition.
/// - Parameter programOrder: whether only each client's own order counts, and not real time.
func bruteForce(
  _ operations: [Operation], programOrder: Bool = false, initial: ValueDigest = .absent
) -> Bool {
  let model = KeyValueModel(initial: initial)
  let actions = operations.filter { $0.outcome != .failed }.map { TimedAction($0) }
  func mustPrecede(_ a: Int, _ b: Int) -> Bool {
    programOrder
      ? !actions[a].isOpen && !actions[b].isOpen && actions[a].process == actions[b].process
        && a < b
      : actions[a].returned < actions[b].invoked
  }
  func explain(_ left: [Int], _ state: ValueDigest) -> Bool {
    if left.allSatisfy({ actions[$0].isOpen }) { return true }
    for i in left where !left.contains(where: { $0 != i && mustPrecede($0, i) }) {
      if let next = model.apply(actions[i].action, to: state),
        explain(left.filter { $0 != i }, next)
      {
        return true
      }
    }
    return false
  }
  return explain(Array(actions.indices), model.initialState)
}

/// The parameters of a random history.
struct Ingredients {
  var operations = 6
  var clients = 3
  var span = 12
  var puts = true
  var swaps = false
  var appends = false
  var deletes = false
  var opens = true
  var uniqueValues = true
}

/// Operations with random intervals and random answers: about half of the histories can be
/// explained.
func randomHistory(_ dice: inout Dice, _ what: Ingredients) -> [Operation] {
  var operations: [Operation] = []
  var clock = [Int64](repeating: 0, count: what.clients)
  var written = [0]
  for n in 1...what.operations {
    let client = dice.roll(what.clients)
    let from = clock[client] + Int64(dice.roll(what.span / 3))
    let to = from + Int64(dice.roll(what.span / 2))
    clock[client] = to + Int64(dice.roll(2))
    let open = what.opens && dice.roll(6) == 0
    let fresh = what.uniqueValues ? n : 1 + dice.roll(3)
    let known = written[dice.roll(written.count)]
    var operation: Operation
    switch dice.roll(10) {
    case 0..<4:
      operation = get(known, from, open ? nil : to)
    case 4..<6 where what.swaps:
      if dice.roll(4) == 0 {
        let found =
          dice.roll(5) == 0 && !what.uniqueValues ? nil : written[dice.roll(written.count)]
        operation = refused(known, found: found, from, to)
      } else {
        operation = swap(known, fresh, from, open ? nil : to)
        written.append(fresh)
      }
    case 6 where what.deletes:
      operation = put(0, from, open ? nil : to)
      operation.kind = .delete
    case 7..<9 where what.appends:
      operation = append(fresh, from, open ? nil : to)
    default:
      operation = put(fresh, from, open ? nil : to)
      written.append(fresh)
    }
    operation.client = UInt32(client)
    operations.append(operation)
  }
  return inOrder(operations)
}

/// A history that is linearizable by construction: every operation takes effect at an instant of
/// its interval. All written values differ and have the same length.
///
/// - Parameters:
///   - repeats: values are drawn from this number of values instead.
///   - initial: the value of every key before all operations.
///   - hints: whether appends seen by an answered get tell which value they extended.
func honestHistory(
  _ dice: inout Dice, operations count: Int, clients: Int, keys: Int = 1,
  kinds: [OperationKind] = [.get, .put], opens: Bool = false, repeats: Int? = nil,
  hints: Bool = false, initial: ValueDigest = .absent
) -> [Operation] {
  struct Plan {
    var at: Int64
    var operation: Operation
  }
  var clock = [Int64](repeating: 0, count: clients)
  var plans: [Plan] = []
  for n in 0..<count {
    let client = (0..<clients).min { clock[$0] < clock[$1] }!
    let from = clock[client] + Int64(1 + dice.roll(5))
    let at = from + Int64(dice.roll(20))
    let to = at + Int64(dice.roll(20))
    clock[client] = to + 1
    let kind = kinds[dice.roll(kinds.count)]
    var operation = Operation(
      client: UInt32(client), kind: kind, key: UInt32(dice.roll(keys)), outcome: .ok, invoked: from,
      returned: to)
    if kind != .get && kind != .delete {
      let n = repeats.map { dice.roll($0) } ?? n
      operation.argument = ValueDigest([UInt8(n & 255), UInt8(n >> 8 & 255), UInt8(n >> 16)])
    }
    if opens, dice.roll(20) == 0 { operation.outcome = .unknown }
    plans.append(Plan(at: at, operation: operation))
  }
  let order = plans.indices.sorted { (plans[$0].at, $0) < (plans[$1].at, $1) }
  let model = KeyValueModel()
  var states: [UInt32: ValueDigest] = [:]
  var previous: [UInt32: ValueDigest] = [:]
  /// By key: the operations that wrote the pieces of its value, each with the value before it.
  var pieces: [UInt32: [(operation: Int, behind: ValueDigest)]] = [:]
  var previousPieces = pieces
  for i in order {
    let key = plans[i].operation.key
    let state = states[key] ?? initial
    switch plans[i].operation.kind {
    case .get:
      plans[i].operation.observed = state
    case .compareAndSwap:
      // Half of them expect an older value, and fail.
      let expected = dice.roll(2) == 0 ? state : previous[key] ?? state
      plans[i].operation.expected = expected
      plans[i].operation.swapped = expected == state && plans[i].operation.outcome == .ok
      plans[i].operation.observed = expected == state ? .absent : state
    case .put, .append, .delete, .scan:
      break
    }
    previous[key] = state
    if hints, [.get, .compareAndSwap].contains(plans[i].operation.kind) {
      let shown = (pieces[key] ?? []) + (previousPieces[key] ?? [])
      for piece in shown where plans[piece.operation].operation.kind == .append {
        plans[piece.operation].operation.expected = piece.behind
      }
    }
    previousPieces[key] = pieces[key]
    if plans[i].operation.outcome == .unknown, dice.roll(2) == 0 { continue }
    switch plans[i].operation.kind {
    case .get, .scan: break
    case .compareAndSwap where plans[i].operation.expected != state: break
    case .put, .compareAndSwap: pieces[key] = [(i, .absent)]
    case .delete: pieces[key] = []
    case .append: pieces[key, default: []].append((i, state))
    }
    states[key] =
      model.apply(KeyValueModel.Action(plans[i].operation), to: state) ?? state
  }
  return inOrder(plans.map(\.operation))
}
