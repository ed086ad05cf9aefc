import Clients
import Primitives
import Replication
import Sockets

/// A port to servers, and the queue of its clients' events: carries out what clients ask for in
/// real time. A request is sent when the port is flushed.
public struct PortRuntime<Port: ServerPort & ~Copyable>: ClientRuntime, ~Copyable {
  public typealias Application = Port.Application

  public var port: Port
  public var agenda = EventQueue<ClientEvent>()
  public var traced = TracedOperations()

  public init(_ port: consuming Port) { self.port = port }

  public mutating func send(
    _ request: ClientRequest<Application.Command>, to replica: ReplicaID, at time: Instant
  ) {
    if traced.isOn { traced.noteAttempt(request.id, at: MonotonicClock.now()) }
    port.send(request, to: replica)
  }

  public mutating func schedule(_ event: ClientEvent, at time: Instant) {
    agenda.push(event, at: time)
  }
}
