import Histories
import Primitives
import StateMachines

/// The state before the first operation: every key of the workload has a unique value.
extension KeyValueLoad {
  public var initialState: KeyValueStore {
    var store = KeyValueStore()
    guard spec.preload else { return store }
    let names = KeyNames(prefix: keyPrefix)
    for number in 0..<spec.keys { store.set(names[number], to: loadedValue(of: number)) }
    return store
  }

  public mutating func prepareLoading() -> Int {
    guard spec.preload else { return 0 }
    nextToLoad = 0
    return spec.keys
  }

  /// Not inlined, because it would copy the load on the stack of each `begin`.
  @inline(never)
  mutating func load(_ number: Int) -> KeyValueCommand {
    nextToLoad = number + 1
    return .put(names[number], value: loadedValue(of: number))
  }

  public var writesToLoad: Int { nextToLoad.map { spec.keys - $0 } ?? 0 }

  public mutating func endLoading() { nextToLoad = nil }

  /// The value that is loaded for a key. The values that clients write later have higher numbers.
  public func loadedValue(of key: Int) -> [UInt8] {
    filledValues.value(of: loadedSize(of: key), number: KeyValueLoad.loadedNumber(of: key))
  }

  /// The size of the value that is loaded for a key, which depends on the seed and the key alone.
  func loadedSize(of key: Int) -> Int {
    if let size = filledValues.fixedSize { return size }
    var random = RandomStream(seed: seed, purpose: .loadedValues, number: key)
    return spec.valueSize.draw(&random)
  }

  static func loadedNumber(of key: Int) -> UInt64 { UInt64(key) + 1 }

  /// The writes that loaded the keys of the history, as operations of a separate client: one after
  /// the other, starting one second before the trial. Keys without operations are left out, because
  /// no answer depends on them.
  var loadingWrites: [Operation] {
    guard spec.preload else { return [] }
    var isTouched = Array(repeating: false, count: spec.keys)
    var loader: UInt32 = 0
    for position in 0..<history.count {
      let operation = history[position]
      loader = max(loader, operation.client + 1)
      let key = Int(operation.key)
      if key < spec.keys { isTouched[key] = true }
    }
    for version in scans.versions where version.key < spec.keys {
      isTouched[Int(version.key)] = true
    }
    var time: Int64 = -1_000_000_000
    return isTouched.indices.filter { isTouched[$0] }.map { key in
      defer { time += 2 }
      return Operation(
        client: loader, kind: .put, key: UInt32(key),
        argument: filledValues.digest(
          of: loadedSize(of: key), number: KeyValueLoad.loadedNumber(of: key)),
        outcome: .ok, invoked: time, returned: time + 1, attempts: 0)
    }
  }
}
