import Clients
import Primitives
import Replication

/// A port to servers, and an agenda for the thread that uses it: carries out what clients ask for
/// in real time. A request leaves when the port is flushed.
public struct PortRuntime<Port: ServerPort & ~Copyable>: ClientRuntime, ~Copyable {
  public typealias Application = Port.Application

  public var port: Port
  public var agenda = EventQueue<ClientEvent>()

  public init(_ port: consuming Port) { self.port = port }

  public mutating func send(
    _ request: ClientRequest<Application.Command>, to replica: ReplicaID, at time: Instant
  ) {
    port.send(request, to: replica)
  }

  public mutating func schedule(_ event: ClientEvent, at time: Instant) {
    agenda.push(event, at: time.nanoseconds)
  }
}
