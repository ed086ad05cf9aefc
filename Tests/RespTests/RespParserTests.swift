import Resp
