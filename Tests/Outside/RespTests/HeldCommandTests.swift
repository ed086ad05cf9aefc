import Replication
import Resp
import StateMachines
import Testing
import WireFormat

@Test("A line that waits for earlier commands keeps its meaning")
func heldLine() {
  var session = RespSession(connection: 1)
  var output = WireWriter()
  session.feed(Array("set a 1\r\ninfo \"x\\\"y\"\r\nping\r\n".utf8))
  #expect(session.next(into: &output) == .store(.put(Key("a"), value: [0x31])))
  session.feed(Array("ping again\r\n".utf8))
  session.complete(.done, into: &output)
  #expect(session.next(into: &output) == .question(.info(sections: ["x\"y"])))
  session.inform(.prose("about it"), into: &output)
  #expect(session.next(into: &output) == nil)
  let text = String(decoding: output.bytes(), as: UTF8.self)
  #expect(text == "+OK\r\n$8\r\nabout it\r\n+PONG\r\n$5\r\nagain\r\n")
}

@Test("The end of a transaction waits for earlier commands, also as a quoted line")
func heldEnd() {
  var session = RespSession(connection: 1)
  var output = WireWriter()
  session.feed(Array("set a 1\r\nmulti\r\nget a\r\n\"ex\\x65c\"\r\nget a\r\n".utf8))
  #expect(session.next(into: &output) == .store(.put(Key("a"), value: [0x31])))
  session.feed(Array("ping\r\n".utf8))
  session.complete(.done, into: &output)
  #expect(session.next(into: &output) == .store(.transaction([.get(Key("a"))])))
  session.complete(.sequence([.value([0x32])]), into: &output)
  #expect(session.next(into: &output) == .store(.get(Key("a"))))
  session.complete(.value(nil), into: &output)
  #expect(session.next(into: &output) == nil)
  let text = String(decoding: output.bytes(), as: UTF8.self)
  #expect(text == "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n$1\r\n2\r\n$-1\r\n+PONG\r\n")
}
