"""Ask a model: OpenAI-compatible endpoints, a local transformers model, a scripted one; a cache and a cost meter around them."""

from codedance.model.chat import ChatModel, Message, Reply, Role

__all__ = ["ChatModel", "Message", "Reply", "Role"]
