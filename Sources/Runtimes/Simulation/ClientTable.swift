import Clients
import Primitives
import Replication

/// A value for each client of a trial.
///
/// The load's clients are numbered from 0, so that an array holds theirs; a look-up by hash would
/// take longer. The clients that probe and read back have large numbers and are looked up.
public struct ClientTable<Value: Sendable>: Sendable {
  private let initial: Value
  private var ofLoad: [Value] = []
  private var others = FlatTable<ClientID, Value>()

  /// - Parameter initial: the value of each client at first.
  public init(_ initial: Value) { self.initial = initial }

  public subscript(client: ClientID) -> Value {
    @inline(__always)
    get {
      let number = Int(truncatingIfNeeded: client.rawValue)
      return ofLoad.indices.contains(number) ? ofLoad[number] : others[client] ?? initial
    }
    @inline(__always)
    set {
      let number = Int(truncatingIfNeeded: client.rawValue)
      if ofLoad.indices.contains(number) {
        ofLoad[number] = newValue
      } else {
        add(client, newValue)
      }
    }
  }

  private mutating func add(_ client: ClientID, _ value: Value) {
    guard ClientNumbers.isOfLoad(client) else { return others.set(client, to: value) }
    let missing = Int(client.rawValue) - ofLoad.count
    ofLoad.append(contentsOf: repeatElement(initial, count: missing))
    ofLoad.append(value)
  }
}
