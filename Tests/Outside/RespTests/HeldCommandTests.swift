import Replication
import Resp
import StateMachines
import Testing
import WireFormat

@Test("A line that has to wait for the commands before it keeps its meaning")
func heldLine() {
  var session = RespSession(connection: 1)
  var output = WireWriter()
  session.feed(Array("set a 1\r\ninfo \"x\\\"y\"\r\nping\r\n".utf8))
  #expect(session.next(into: &output) == .store(.put(Key("a"), value: [0x31])))
  session.feed(Array("ping again\r\n".utf8))
  session.complete(.done, into: &output)
  #expect(session.next(into: &output) == .info(sections: ["x\"y"]))
  session.inform("about it", into: &output)
  #expect(session.next(into: &output) == nil)
  let text = String(decoding: output.bytes(), as: UTF8.self)
  #expect(text == "+OK\r\n$8\r\nabout it\r\n+PONG\r\n$5\r\nagain\r\n")
}
