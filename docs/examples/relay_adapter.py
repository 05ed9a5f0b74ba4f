"""The platform `relay_adapter:Bridge`: a robot behind an HTTP address, for `dropcue relay --config relay.yaml`."""

from aiohttp import ClientConnectorError, ClientSession
from pydantic import SecretStr

from roles.relay.kit import Adapter, Content, CredentialSettings, GroupSettings, Outcome, Prepared


class Credential(CredentialSettings):
    url: str
    key: SecretStr


class Group(GroupSettings):
    room: int


class Bridge(Adapter[Credential, Group]):
    platform = "bridge"
    credential_settings, group_settings = Credential, Group

    async def open(self) -> None:
        self.http = ClientSession(headers={"Authorization": self.settings.key.get_secret_value()})

    async def send(self, group: Group, content: Content, _: Prepared = None) -> Outcome:
        try:
            message = {"room": group.room, "text": content.as_text()}
            async with self.http.post(self.settings.url, json=message, allow_redirects=False) as answer:
                if answer.status == 200:
                    return Outcome.sent(platform_id=(await answer.json())["id"])
                if answer.status == 429:  # certainly not there: it comes again
                    return Outcome.retry(int(answer.headers["Retry-After"]) * 1000, why="too many a minute")
                if answer.status < 500:
                    return Outcome.rejected(f"the bridge answered {answer.status}")
                return Outcome.unknown(f"the bridge answered {answer.status}")  # it may have taken it before it failed
        except ClientConnectorError:  # nothing was written yet; whatever else is raised counts as unknown
            return Outcome.retry(5_000, why="the bridge cannot be reached")

    async def close(self) -> None:
        await self.http.close()
